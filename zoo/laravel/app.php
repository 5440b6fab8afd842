<?php

use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\ModelNotFoundException;
use Illuminate\Foundation\Exceptions\Handler;
use Illuminate\Foundation\Http\Kernel;
use Illuminate\Foundation\Http\Middleware\ConvertEmptyStringsToNull;
use Illuminate\Foundation\Http\Middleware\TrimStrings;
use Illuminate\Foundation\Http\Middleware\ValidatePostSize;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;
use Illuminate\Support\Str;
use Illuminate\Validation\ValidationException;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;
use Symfony\Component\HttpKernel\Exception\MethodNotAllowedHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;

class ApiError extends Exception
{
    public function __construct(public int $status, string $message, public array $error = [])
    {
        parent::__construct($message);
    }
}

class ApiHandler extends Handler
{
    protected $dontReport = [ApiError::class];

    public function render($request, Throwable $e)
    {
        [$status, $error] = match (true) {
            $e instanceof ApiError => [$e->status, ['message' => $e->getMessage()] + $e->error],
            $e instanceof ValidationException => [400, $this->validationError($e)],
            $e instanceof ModelNotFoundException => [404, ['message' => "No such object: '".implode(', ', $e->getIds())."'",
                'code' => 'resource_missing', 'param' => $e->getModel() === Customer::class ? 'id' : 'payment_method']],
            $e instanceof NotFoundHttpException, $e instanceof MethodNotAllowedHttpException => [404,
                ['message' => "Unrecognized request URL ({$request->method()}: {$request->getPathInfo()})."]],
            $e instanceof HttpExceptionInterface => [$e->getStatusCode(), ['message' => $e->getMessage() ?: 'The request failed.']],
            default => [500, ['message' => 'An unexpected error occurred.', 'type' => 'api_error']],
        };
        return response()->json(['error' => $error + ['type' => 'invalid_request_error']], $status);
    }

    private function validationError(ValidationException $e): array
    {
        $param = array_key_first($e->errors());
        $missing = isset($e->validator->failed()[$param]['Required']);
        return ['message' => $e->errors()[$param][0], 'param' => $param] + ($missing ? ['code' => 'parameter_missing'] : []);
    }
}

class Authenticate
{
    public function handle(Request $request, Closure $next)
    {
        $key = $request->bearerToken() ?? $request->getUser();
        if (!Str::startsWith((string) $key, 'sk_test_')) {
            return response()->json(['error' => ['type' => 'invalid_request_error', 'message' => 'Invalid API Key provided.']], 401)
                ->header('WWW-Authenticate', 'Bearer realm="Stripe"');
        }
        return $next($request)->withHeaders([
            'Request-Id' => 'req_'.Str::random(14),
            'Stripe-Version' => $request->header('Stripe-Version', '2025-10-29.clover'),
            'Cache-Control' => 'no-cache, no-store',
        ]);
    }
}

class Idempotency
{
    public function handle(Request $request, Closure $next)
    {
        $key = $request->header('Idempotency-Key');
        if ($key === null || !$request->isMethod('POST')) {
            return $next($request);
        }
        $input = $request->all();
        ksort($input);
        $fingerprint = md5($request->path().json_encode($input));
        $saved = DB::table('idempotency')->where('key', $key)->first();
        if ($saved && $saved->fingerprint !== $fingerprint) {
            throw new ApiError(400, 'Keys for idempotent requests can only be used with the same parameters.', ['type' => 'idempotency_error']);
        }
        if ($saved) {
            return response($saved->body, $saved->status, ['Content-Type' => 'application/json', 'Idempotent-Replayed' => 'true']);
        }
        $response = $next($request);
        if ($response->isSuccessful() || $response->status() === 402) {
            DB::table('idempotency')->insert(['key' => $key, 'fingerprint' => $fingerprint, 'status' => $response->status(), 'body' => $response->getContent()]);
        }
        return $response;
    }
}

class ApiKernel extends Kernel
{
    protected $middleware = [ValidatePostSize::class, TrimStrings::class, ConvertEmptyStringsToNull::class];

    protected $middlewareGroups = ['api' => [Authenticate::class, Idempotency::class, Illuminate\Routing\Middleware\SubstituteBindings::class]];
}

abstract class ApiModel extends Model
{
    public $incrementing = false;
    public $timestamps = false;
    protected $keyType = 'string';
    protected $guarded = [];
    protected $hidden = ['detached'];
    protected $casts = ['metadata' => 'object', 'card' => 'object', 'billing_details' => 'object', 'created' => 'integer', 'detached' => 'boolean'];

    protected static function booted()
    {
        static::creating(function (self $model) {
            $model->id = static::PREFIX.Str::random(24);
            $model->created = time();
        });
    }
}

class Customer extends ApiModel
{
    protected const PREFIX = 'cus_';

    public function toArray()
    {
        return ['object' => 'customer', 'livemode' => false, 'invoice_settings' => ['default_payment_method' => null]] + parent::toArray();
    }
}

class PaymentMethod extends ApiModel
{
    protected const PREFIX = 'pm_';

    public function toArray()
    {
        return ['object' => 'payment_method', 'livemode' => false, 'type' => 'card'] + parent::toArray();
    }
}

/** Validate the parameters, and refuse those that no rule names. */
function params(Request $request, array $rules): array
{
    $names = array_map(fn ($rule) => Str::before($rule, '.'), array_keys($rules));
    $unknown = array_values(array_diff(array_keys($request->all()), $names));
    if ($unknown) {
        throw new ApiError(400, 'Received unknown parameter: '.implode(', ', $unknown), ['code' => 'parameter_unknown', 'param' => $unknown[0]]);
    }
    return $request->validate($rules);
}

function customerOf(string $id): Customer
{
    return Customer::find($id) ?? throw new ApiError(400, "No such customer: '$id'", ['code' => 'resource_missing', 'param' => 'customer']);
}

function listOf(?string $customer, Request $request): array
{
    return ['object' => 'list', 'url' => "/{$request->path()}", 'has_more' => false,
        'data' => PaymentMethod::where('customer', $customer)->whereNotNull('customer')->latest('created')->get()];
}

function routes(): void
{
    Route::post('customers', fn (Request $request) => response()->json(Customer::create(params($request, ['email' => 'nullable|string',
        'name' => 'nullable|string', 'description' => 'nullable|string', 'metadata' => 'array']) + ['metadata' => (object) []])->fresh()));
    Route::get('customers/{customer}', fn (Customer $customer) => $customer);
    Route::delete('customers/{customer}', function (Customer $customer) {
        $customer->delete();
        return ['id' => $customer->id, 'object' => 'customer', 'deleted' => true];
    });
    Route::get('customers/{customer}/payment_methods', fn (Customer $customer, Request $request) => listOf($customer->id, $request));
    Route::get('payment_methods', fn (Request $request) => listOf($request->query('customer'), $request));
    Route::get('payment_methods/{paymentMethod}', fn (PaymentMethod $paymentMethod) => $paymentMethod);

    Route::post('payment_methods', function (Request $request) {
        $params = params($request, ['type' => 'required|in:card', 'card' => 'required|array', 'billing_details' => 'array', 'metadata' => 'array']);
        $card = $params['card'];
        $billing = $params['billing_details'] ?? [];
        $address = array_fill_keys(['city', 'country', 'line1', 'line2', 'postal_code', 'state'], null);
        $declines = ($card['token'] ?? '') === 'tok_chargeDeclined' || ($card['number'] ?? '') === '4000000000000002';
        return response()->json(PaymentMethod::create([
            'metadata' => (object) ($params['metadata'] ?? []),
            'billing_details' => ['address' => ($billing['address'] ?? []) + $address] + $billing + ['email' => null, 'name' => null, 'phone' => null],
            'card' => ['brand' => 'visa', 'checks' => ['address_line1_check' => null, 'address_postal_code_check' => null, 'cvc_check' => null],
                'country' => 'US', 'exp_month' => (int) ($card['exp_month'] ?? 12), 'exp_year' => (int) ($card['exp_year'] ?? 2030),
                'fingerprint' => 'Xt5EWLLDS7FJjR1c', 'funding' => 'credit', 'generated_from' => null,
                'last4' => $declines ? '0002' : substr($card['number'] ?? '4242', -4),
                'networks' => ['available' => ['visa'], 'preferred' => null], 'three_d_secure_usage' => ['supported' => true], 'wallet' => null],
        ])->fresh());
    });

    Route::post('payment_methods/{paymentMethod}/attach', function (Request $request, PaymentMethod $paymentMethod) {
        $params = params($request, ['customer' => 'required|string|max:5000', 'expand' => 'array', 'expand.*' => 'string|in:customer']);
        $customer = customerOf($params['customer']);
        if ($paymentMethod->customer !== null && $paymentMethod->customer !== $customer->id) {
            throw new ApiError(400, 'The payment method you provided has already been attached to a customer.');
        }
        if ($paymentMethod->detached) {
            throw new ApiError(400, 'This PaymentMethod was detached from a Customer, and may not be used again.');
        }
        if ($paymentMethod->card->last4 === '0002') {
            throw new ApiError(402, 'Your card was declined.', ['type' => 'card_error', 'code' => 'card_declined', 'decline_code' => 'generic_decline']);
        }
        $paymentMethod->update(['customer' => $customer->id]);
        return empty($params['expand']) ? $paymentMethod : ['customer' => $customer] + $paymentMethod->toArray();
    });

    Route::post('payment_methods/{paymentMethod}/detach', function (PaymentMethod $paymentMethod) {
        if ($paymentMethod->customer === null) {
            throw new ApiError(400, 'The payment method you provided is not attached to a customer.');
        }
        $paymentMethod->update(['customer' => null, 'detached' => true]);
        return $paymentMethod;
    });
}
