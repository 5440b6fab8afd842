const crypto = require("node:crypto");
const express = require("express");
const cors = require("cors");
const helmet = require("helmet");
const { rateLimit } = require("express-rate-limit");
const { z } = require("zod");

const API_KEY = process.env.API_KEY;
const TOKENS = { tok_visa: ["visa", "4242"], tok_mastercard: ["mastercard", "4444"], tok_amex: ["amex", "8431"] };
const NUMBERS = { 4242424242424242: "tok_visa", 5555555555554444: "tok_mastercard", 378282246310005: "tok_amex" };

const customers = new Map();
const paymentMethods = new Map();
const replies = new Map();

const newId = (prefix) => `${prefix}_${crypto.randomBytes(12).toString("hex")}`;
const now = () => Math.floor(Date.now() / 1000);

class ApiError extends Error {
  constructor(status, message, { code, param, type = "invalid_request_error" } = {}) {
    super(message);
    this.status = status;
    this.body = { error: { type, message, code, param } };
  }
}

function find(map, id, what, param, status = 404) {
  const found = map.get(id);
  if (!found) throw new ApiError(status, `No such ${what}: '${id}'`, { code: "resource_missing", param });
  return found;
}

const text = z.string().max(5000);
const metadata = z.record(z.string().max(40), z.string().max(500)).optional();
const expand = z.array(text).optional();
const schemas = {
  customer: z.strictObject({ email: text, name: text, description: text, metadata }).partial(),
  paymentMethod: z.strictObject({
    type: z.literal("card"),
    card: z.strictObject({ token: text, number: text, exp_month: text, exp_year: text, cvc: text }).partial(),
    billing_details: z.looseObject({ name: text, email: text, phone: text }).partial().optional(),
    metadata,
    expand,
  }),
  attach: z.strictObject({ customer: text.min(1), expand }),
  detach: z.strictObject({ expand }),
};

// Turns zod's first issue into the error that Stripe's clients know.
function validate(schema) {
  return (req, res, next) => {
    const result = schema.safeParse(req.body ?? {});
    if (result.success) {
      req.body = result.data;
      return next();
    }
    const issue = result.error.issues.find((each) => each.code === "unrecognized_keys") ?? result.error.issues[0];
    if (issue.code === "unrecognized_keys") {
      const param = [...issue.path, issue.keys[0]].map((part, i) => (i ? `[${part}]` : part)).join("");
      throw new ApiError(400, `Received unknown parameter: ${param}`, { code: "parameter_unknown", param });
    }
    const param = issue.path.map((part, i) => (i ? `[${String(part)}]` : part)).join("");
    if (issue.path.length === 1 && (req.body ?? {})[param] === undefined) {
      throw new ApiError(400, `Missing required param: ${param}.`, { code: "parameter_missing", param });
    }
    throw new ApiError(400, `Invalid ${param}: ${issue.message}`, { param });
  };
}

function authenticate(req, res, next) {
  const [scheme, value = ""] = (req.get("Authorization") ?? "").split(" ");
  const key = scheme === "Basic" ? Buffer.from(value, "base64").toString().split(":")[0] : value;
  if (["Basic", "Bearer"].includes(scheme) && key === API_KEY) return next();
  res.set("WWW-Authenticate", 'Bearer realm="Stripe"');
  throw new ApiError(401, key ? "Invalid API Key provided" : "You did not provide an API key.");
}

function idempotent(req, res, next) {
  const key = req.get("Idempotency-Key");
  if (req.method !== "POST" || !key) return next();
  const request = JSON.stringify([req.path, req.body]);
  const saved = replies.get(key);
  if (saved && saved.request !== request) {
    const message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
    throw new ApiError(400, message, { type: "idempotency_error" });
  }
  if (saved) return res.set("Idempotent-Replayed", "true").status(saved.status).json(saved.body);
  const json = res.json.bind(res);
  res.json = (body) => {
    replies.set(key, { request, status: res.statusCode, body: structuredClone(body) });
    return json(body);
  };
  next();
}

function show(paymentMethod, paths = []) {
  const shown = { ...paymentMethod };
  for (const path of paths) {
    if (path !== "customer") throw new ApiError(400, `This property cannot be expanded (${path}).`);
    if (paymentMethod.customer) shown.customer = customers.get(paymentMethod.customer);
  }
  return shown;
}

const app = express();
app.disable("x-powered-by");
app.use((req, res, next) => {
  res.set("Request-Id", newId("req"));
  next();
});
app.use(helmet());
app.use(cors());
app.use(rateLimit({ windowMs: 1000, limit: 10000 }));
app.use(authenticate);
app.use(express.urlencoded({ extended: true }));
app.use(idempotent);

app.post("/v1/customers", validate(schemas.customer), (req, res) => {
  const { email = null, name = null, description = null, metadata = {} } = req.body;
  const customer = {
    id: newId("cus"), object: "customer", created: now(), livemode: false, email, name, description, metadata,
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  };
  customers.set(customer.id, customer);
  res.json(customer);
});

app.get("/v1/customers/:id", (req, res) => res.json(find(customers, req.params.id, "customer", "id")));

app.delete("/v1/customers/:id", (req, res) => {
  const { id } = find(customers, req.params.id, "customer", "id");
  customers.delete(id);
  for (const each of paymentMethods.values()) if (each.customer === id) each.customer = null;
  res.json({ id, object: "customer", deleted: true });
});

const list = (url, customer) => ({
  object: "list", url, has_more: false,
  data: [...paymentMethods.values()].filter((each) => each.customer === customer).reverse(),
});
app.get("/v1/customers/:id/payment_methods", (req, res) => {
  const { id } = find(customers, req.params.id, "customer", "customer");
  res.json(list(req.path, id));
});
app.get("/v1/payment_methods", (req, res) => res.json(list(req.path, req.query.customer ?? "")));

app.post("/v1/payment_methods", validate(schemas.paymentMethod), (req, res) => {
  const { card, billing_details = {}, metadata = {}, expand } = req.body;
  const token = card.token ?? NUMBERS[card.number];
  if (!Object.hasOwn(TOKENS, token ?? "")) throw new ApiError(400, `No such token: '${token}'`, { param: "card[token]" });
  const [brand, last4] = TOKENS[token];
  const paymentMethod = {
    id: newId("pm"), object: "payment_method", allow_redisplay: "unspecified", created: now(), customer: null,
    billing_details: {
      address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
      email: null, name: null, phone: null, ...billing_details,
    },
    card: {
      brand, last4, country: "US", exp_month: Number(card.exp_month ?? 8), exp_year: Number(card.exp_year ?? 2030),
      funding: "credit", fingerprint: crypto.createHash("sha1").update(token).digest("hex").slice(0, 16),
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "unchecked" },
      networks: { available: [brand], preferred: null }, three_d_secure_usage: { supported: true }, wallet: null,
    },
    livemode: false, metadata, type: "card",
  };
  paymentMethods.set(paymentMethod.id, paymentMethod);
  res.json(show(paymentMethod, expand));
});

app.get("/v1/payment_methods/:id", (req, res) => {
  res.json(find(paymentMethods, req.params.id, "PaymentMethod", "payment_method"));
});

app.post("/v1/payment_methods/:id/attach", validate(schemas.attach), (req, res) => {
  const paymentMethod = find(paymentMethods, req.params.id, "PaymentMethod", "payment_method");
  const customer = find(customers, req.body.customer, "customer", "customer", 400);
  if (paymentMethod.customer && paymentMethod.customer !== customer.id) {
    throw new ApiError(400, "The payment method you provided has already been attached to a customer.");
  }
  const shown = show({ ...paymentMethod, customer: customer.id }, req.body.expand);
  paymentMethod.customer = customer.id;
  res.json(shown);
});

app.post("/v1/payment_methods/:id/detach", validate(schemas.detach), (req, res) => {
  const paymentMethod = find(paymentMethods, req.params.id, "PaymentMethod", "payment_method");
  if (!paymentMethod.customer) throw new ApiError(400, "The payment method you provided is not attached to a customer.");
  paymentMethod.customer = null;
  res.json(show(paymentMethod, req.body.expand));
});

app.use((req) => {
  throw new ApiError(404, `Unrecognized request URL (${req.method}: ${req.path}).`);
});

app.use((error, req, res, next) => {
  if (error instanceof ApiError) return res.status(error.status).json(error.body);
  const status = error.status ?? 500;
  const type = status < 500 ? "invalid_request_error" : "api_error";
  res.status(status).json({ error: { type, message: status < 500 ? error.message : "Something went wrong." } });
});

app.listen(process.env.PORT, "127.0.0.1");
