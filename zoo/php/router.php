<?php

declare(strict_types=1);

const SECRET_KEY = '/^sk_test_[A-Za-z0-9_]+$/';

final class ApiError extends Exception
{
    public function __construct(
        public int $status,
        string $message,
        public ?string $errorCode = null,
        public ?string $param = null,
        public string $type = 'invalid_request_error',
        public ?string $declineCode = null,
    ) {
        parent::__construct($message);
    }
}

function send(int $status, array $body): never
{
    finish($status, json_encode($body, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES));
}

function finish(int $status, string|false $json): never
{
    global $idempotency;
    if ($idempotency !== null) {
        $insert = db()->prepare('INSERT OR IGNORE INTO idempotency VALUES (?, ?, ?, ?)');
        $insert->execute([...$idempotency, $status, $json]);
    }
    http_response_code($status);
    header('Content-Type: application/json');
    echo $json;
    exit;
}

set_exception_handler(function (Throwable $e): void {
    if (!$e instanceof ApiError) {
        error_log((string) $e);
        $e = new ApiError(500, 'An unexpected error occurred.', type: 'api_error');
    }
    if ($e->status === 401) {
        header('WWW-Authenticate: Bearer realm="Stripe"');
    }
    $error = ['code' => $e->errorCode, 'decline_code' => $e->declineCode, 'message' => $e->getMessage(),
        'param' => $e->param, 'type' => $e->type];
    send($e->status, ['error' => array_filter($error, fn ($value) => $value !== null)]);
});

function db(): PDO
{
    static $db = null;
    if ($db === null) {
        $db = new PDO('sqlite:stripe.sqlite');
        $db->exec('CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, kind TEXT, customer TEXT, json TEXT)');
        $db->exec('CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, request TEXT, status INT, json TEXT)');
    }
    return $db;
}

function newId(string $prefix): string
{
    return $prefix . '_' . bin2hex(random_bytes(12));
}

function store(array $object, ?string $customer = null): array
{
    $statement = db()->prepare('REPLACE INTO objects VALUES (?, ?, ?, ?)');
    $statement->execute([$object['id'], $object['object'], $customer, json_encode($object)]);
    return $object;
}

function find(string $kind, string $id): ?array
{
    $statement = db()->prepare('SELECT json FROM objects WHERE id = ? AND kind = ?');
    $statement->execute([$id, $kind]);
    $json = $statement->fetchColumn();
    return $json ? json_decode($json, true) : null;
}

function customer(string $id, int $status): array
{
    return find('customer', $id) ?? throw new ApiError($status, "No such customer: '$id'", 'resource_missing', $status === 404 ? 'id' : 'customer');
}

function paymentMethod(string $id): array
{
    return find('payment_method', $id)
        ?? throw new ApiError(404, "No such PaymentMethod: '$id'", 'resource_missing', 'payment_method');
}

/** Refuse parameters other than these; of the value true a string is expected, of false an array. */
function params(array $allowed): array
{
    foreach ($_POST as $name => $value) {
        if (!isset($allowed[$name])) {
            throw new ApiError(400, "Received unknown parameter: $name", 'parameter_unknown', (string) $name);
        }
        if (is_array($value) !== ($allowed[$name] === 'array')) {
            throw new ApiError(400, "Invalid {$allowed[$name]}", null, $name);
        }
        if (is_string($value) && mb_strlen($value) > 5000) {
            throw new ApiError(400, 'Invalid string; must be at most 5000 characters', null, $name);
        }
    }
    return $_POST;
}

function expanded(array $paymentMethod, array $paths): array
{
    foreach ($paths as $path) {
        if ($path !== 'customer') {
            throw new ApiError(400, "This property cannot be expanded ($path).");
        }
        if (is_string($paymentMethod['customer'])) {
            $paymentMethod['customer'] = find('customer', $paymentMethod['customer']);
        }
    }
    return $paymentMethod;
}

function createCustomer(): array
{
    $params = params(['email' => 'string', 'name' => 'string', 'description' => 'string', 'metadata' => 'array']);
    return store(['id' => newId('cus'), 'object' => 'customer', 'created' => time(),
        'description' => $params['description'] ?? null, 'email' => $params['email'] ?? null,
        'invoice_settings' => ['default_payment_method' => null], 'livemode' => false,
        'metadata' => (object) ($params['metadata'] ?? []), 'name' => $params['name'] ?? null]);
}

function createPaymentMethod(): array
{
    $params = params(['type' => 'string', 'card' => 'array', 'billing_details' => 'array', 'metadata' => 'array']);
    if (($params['type'] ?? '') !== 'card') {
        throw new ApiError(400, 'Only the type card is supported.', 'parameter_missing', 'type');
    }
    $card = $params['card'] ?? throw new ApiError(400, 'Missing required param: card.', 'parameter_missing', 'card');
    $declined = ($card['token'] ?? '') === 'tok_chargeDeclined' || ($card['number'] ?? '') === '4000000000000002';
    $billing = $params['billing_details'] ?? [];
    $address = ['city' => null, 'country' => null, 'line1' => null, 'line2' => null, 'postal_code' => null, 'state' => null];
    return store(['id' => newId('pm'), 'object' => 'payment_method',
        'billing_details' => ['address' => [...$address, ...($billing['address'] ?? [])], 'email' => $billing['email'] ?? null,
            'name' => $billing['name'] ?? null, 'phone' => $billing['phone'] ?? null],
        'card' => ['brand' => 'visa', 'checks' => ['address_line1_check' => null, 'address_postal_code_check' => null,
            'cvc_check' => null], 'country' => 'US', 'exp_month' => (int) ($card['exp_month'] ?? 12),
            'exp_year' => (int) ($card['exp_year'] ?? 2030), 'fingerprint' => 'Xt5EWLLDS7FJjR1c', 'funding' => 'credit',
            'generated_from' => null, 'last4' => $declined ? '0002' : substr($card['number'] ?? '4242', -4),
            'networks' => ['available' => ['visa'], 'preferred' => null],
            'three_d_secure_usage' => ['supported' => true], 'wallet' => null],
        'created' => time(), 'customer' => null, 'livemode' => false, 'metadata' => (object) ($params['metadata'] ?? []),
        'type' => 'card']);
}

function attach(string $id): array
{
    $params = params(['customer' => 'string', 'expand' => 'array']);
    if (($params['customer'] ?? '') === '') {
        throw new ApiError(400, 'Missing required param: customer.', 'parameter_missing', 'customer');
    }
    $paymentMethod = paymentMethod($id);
    $customer = customer($params['customer'], 400);
    if ($paymentMethod['customer'] !== null && $paymentMethod['customer'] !== $customer['id']) {
        throw new ApiError(400, 'The payment method you provided has already been attached to a customer.');
    }
    if ($paymentMethod['detached'] ?? false) {
        throw new ApiError(400, 'This PaymentMethod was detached from a Customer, and may not be used again.');
    }
    if ($paymentMethod['card']['last4'] === '0002') {
        throw new ApiError(402, 'Your card was declined.', 'card_declined', '', 'card_error', 'generic_decline');
    }
    $paymentMethod['customer'] = $customer['id'];
    $answer = expanded($paymentMethod, $params['expand'] ?? []);
    store($paymentMethod, $customer['id']);
    return $answer;
}

function detach(string $id): array
{
    params(['expand' => 'array']);
    $paymentMethod = paymentMethod($id);
    if ($paymentMethod['customer'] === null) {
        throw new ApiError(400, 'The payment method you provided is not attached to a customer so detachment is impossible.');
    }
    store(['customer' => null, 'detached' => true] + $paymentMethod);
    return ['customer' => null] + $paymentMethod;
}

function listPaymentMethods(?string $customer): array
{
    $statement = db()->prepare("SELECT json FROM objects WHERE kind = 'payment_method' AND customer = ? ORDER BY rowid DESC");
    $statement->execute([$customer]);
    $data = array_map(fn ($json) => json_decode($json, true), $statement->fetchAll(PDO::FETCH_COLUMN));
    return ['object' => 'list', 'data' => $data, 'has_more' => false, 'url' => '/v1/payment_methods'];
}

function deleteCustomer(string $id): array
{
    customer($id, 404);
    db()->prepare('DELETE FROM objects WHERE id = ?')->execute([$id]);
    return ['id' => $id, 'object' => 'customer', 'deleted' => true];
}

function authenticate(): string
{
    $key = $_SERVER['PHP_AUTH_USER'] ?? null;
    if (preg_match('/^Bearer (.+)$/', $_SERVER['HTTP_AUTHORIZATION'] ?? '', $match)) {
        $key = $match[1];
    }
    if ($key === null) {
        throw new ApiError(401, 'You did not provide an API key.');
    }
    if (!preg_match(SECRET_KEY, $key)) {
        throw new ApiError(401, 'Invalid API Key provided.');
    }
    return $key;
}

function replay(string $key, string $path): void
{
    global $idempotency;
    if (strlen($key) > 255) {
        throw new ApiError(400, 'Idempotency keys have up to 255 characters.');
    }
    $request = md5($path . serialize($_POST));
    $statement = db()->prepare('SELECT * FROM idempotency WHERE key = ?');
    $statement->execute([$key]);
    $saved = $statement->fetch(PDO::FETCH_ASSOC);
    if ($saved && $saved['request'] !== $request) {
        throw new ApiError(400, 'Keys for idempotent requests can only be used with the same parameters.', type: 'idempotency_error');
    }
    if ($saved) {
        header('Idempotent-Replayed: true');
        finish((int) $saved['status'], $saved['json']);
    }
    $idempotency = [$key, $request];
}

$idempotency = null;
ob_start('ob_gzhandler');
header('Access-Control-Allow-Origin: *');
header('Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, Stripe-Version');
header('Access-Control-Allow-Methods: GET, POST, DELETE');
if ($_SERVER['REQUEST_METHOD'] === 'OPTIONS') {
    http_response_code(204);
    exit;
}
header('Request-Id: req_' . bin2hex(random_bytes(7)));
header('Cache-Control: no-cache, no-store');
header('Stripe-Version: ' . ($_SERVER['HTTP_STRIPE_VERSION'] ?? '2025-10-29.clover'));

authenticate();
array_walk_recursive($_POST, function (&$value): void {
    $value = trim($value);
});

$method = $_SERVER['REQUEST_METHOD'];
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($method === 'POST' && isset($_SERVER['HTTP_IDEMPOTENCY_KEY'])) {
    replay($_SERVER['HTTP_IDEMPOTENCY_KEY'], $path);
}

$routes = [
    'POST /v1/customers' => createCustomer(...),
    'GET /v1/customers/([^/]+)' => fn ($id) => customer($id, 404),
    'DELETE /v1/customers/([^/]+)' => deleteCustomer(...),
    'GET /v1/customers/([^/]+)/payment_methods' => fn ($id) => listPaymentMethods(customer($id, 404)['id']),
    'GET /v1/payment_methods' => fn () => listPaymentMethods($_GET['customer'] ?? null),
    'POST /v1/payment_methods' => createPaymentMethod(...),
    'GET /v1/payment_methods/([^/]+)' => paymentMethod(...),
    'POST /v1/payment_methods/([^/]+)/attach' => attach(...),
    'POST /v1/payment_methods/([^/]+)/detach' => detach(...),
];
foreach ($routes as $pattern => $handler) {
    if (preg_match("#^$pattern$#", "$method $path", $match)) {
        send(200, $handler(...array_map('rawurldecode', array_slice($match, 1))));
    }
}
throw new ApiError(404, "Unrecognized request URL ($method: $path).");
