const crypto = require("node:crypto");
const Koa = require("koa");
const { Router } = require("@koa/router");
const bodyParser = require("koa-bodyparser");
const Joi = require("joi");

const app = new Koa();
const router = new Router({ prefix: "/v1" });
const [customers, methods, replies] = [new Map(), new Map(), new Map()];
const cards = new Map([["tok_visa", ["visa", "4242"]], ["tok_mastercard", ["mastercard", "4444"]], ["4242424242424242", ["visa", "4242"]]]);

const id = (prefix) => `${prefix}_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
const refuse = (ctx, status, message, more) => ctx.throw(status, message, { error: { type: "invalid_request_error", message, ...more } });
function find(ctx, map, id, what, param, status = 404) {
  return map.get(id) ?? refuse(ctx, status, `No such ${what}: '${id}'`, { code: "resource_missing", param });
}

const text = Joi.string().max(5000);
const expand = Joi.array().items(text);
const metadata = Joi.object().pattern(Joi.string(), text.allow(""));
const schemas = {
  customer: Joi.object({ email: text, name: text, description: text, metadata }),
  method: Joi.object({
    type: Joi.valid("card").required(),
    card: Joi.object({ token: text, number: text, exp_month: Joi.number(), exp_year: Joi.number(), cvc: text }).or("token", "number").required(),
    billing_details: Joi.object({ name: text, email: text, phone: text }).unknown(),
    metadata,
    expand,
  }),
  attach: Joi.object({ customer: text.required(), expand }),
  detach: Joi.object({ expand }),
};
const valid = (schema) => (ctx, next) => {
  const { error, value } = schema.validate(ctx.request.body);
  if (error) {
    const [{ type, message, path, context }] = error.details;
    const code = { "any.required": "parameter_missing", "object.unknown": "parameter_unknown", "string.empty": "parameter_invalid_empty" }[type];
    refuse(ctx, 400, message, { code, param: path.join(".") || context.key });
  }
  ctx.request.body = value;
  return next();
};

app.use(async (ctx, next) => {
  ctx.set("Request-Id", id("req"));
  try {
    await next();
    if (ctx.status === 404 && !ctx.body) refuse(ctx, 404, `Unrecognized request URL (${ctx.method}: ${ctx.path}).`);
  } catch (error) {
    ctx.status = error.status ?? 500;
    ctx.body = { error: error.error ?? { type: ctx.status < 500 ? "invalid_request_error" : "api_error", message: error.message } };
    if (ctx.status === 401) ctx.set("WWW-Authenticate", 'Bearer realm="Stripe"');
  }
});
app.use(require("koa-helmet")());
app.use(require("@koa/cors")());
app.use((ctx, next) => {
  const [, scheme, value] = /^(basic|bearer) (.*)$/i.exec(ctx.get("Authorization")) ?? [];
  const key = scheme?.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString().split(":")[0] : value;
  if (key !== process.env.API_KEY) refuse(ctx, 401, key ? "Invalid API Key provided." : "You did not provide an API key.");
  return next();
});
app.use(bodyParser());
app.use(async (ctx, next) => {
  const key = ctx.get("Idempotency-Key");
  if (ctx.method !== "POST" || !key) return next();
  const hash = crypto.createHash("sha256").update(ctx.path + ctx.request.rawBody).digest("hex");
  const reply = replies.get(key);
  if (reply && reply.hash !== hash) {
    refuse(ctx, 400, "Keys for idempotent requests can only be used with the same parameters.", { type: "idempotency_error" });
  }
  if (reply) {
    ctx.set("Idempotent-Replayed", "true");
    ctx.body = reply.body;
    return;
  }
  await next();
  if (ctx.status === 200) replies.set(key, { hash, body: structuredClone(ctx.body) });
});

function render(ctx, method, paths = []) {
  const rendered = { ...method };
  for (const path of paths) {
    if (path !== "customer") refuse(ctx, 400, `This property cannot be expanded (${path}).`);
    rendered.customer = customers.get(method.customer) ?? null;
  }
  return rendered;
}

router.post("/customers", valid(schemas.customer), (ctx) => {
  const customer = {
    id: id("cus"), object: "customer", created: Math.floor(Date.now() / 1000), description: null, email: null, livemode: false,
    metadata: {}, name: null, ...ctx.request.body,
  };
  customers.set(customer.id, customer);
  ctx.body = customer;
});
router.get("/customers/:id", (ctx) => { ctx.body = find(ctx, customers, ctx.params.id, "customer", "id"); });
router.delete("/customers/:id", (ctx) => {
  const { id } = find(ctx, customers, ctx.params.id, "customer", "id");
  customers.delete(id);
  for (const method of methods.values()) if (method.customer === id) method.customer = null;
  ctx.body = { id, object: "customer", deleted: true };
});
const list = (ctx, id) => {
  ctx.body = { object: "list", url: ctx.path, has_more: false, data: [...methods.values()].filter((method) => method.customer === id) };
};
router.get("/customers/:id/payment_methods", (ctx) => list(ctx, find(ctx, customers, ctx.params.id, "customer", "customer").id));
router.get("/payment_methods", (ctx) => list(ctx, ctx.query.customer ?? ""));
router.post("/payment_methods", valid(schemas.method), (ctx) => {
  const { card, billing_details, metadata = {}, expand } = ctx.request.body;
  const [brand, last4] = cards.get(card.token ?? card.number) ?? refuse(ctx, 400, "No such token", { param: "card[token]" });
  const address = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
  const method = {
    id: id("pm"), object: "payment_method", billing_details: { address, email: null, name: null, phone: null, ...billing_details },
    card: {
      brand, checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "unchecked" }, country: "US",
      exp_month: card.exp_month ?? 8, exp_year: card.exp_year ?? 2030, fingerprint: `f${last4}`, funding: "credit", last4,
      networks: { available: [brand], preferred: null }, three_d_secure_usage: { supported: true }, wallet: null,
    },
    created: Math.floor(Date.now() / 1000), customer: null, livemode: false, metadata, type: "card",
  };
  methods.set(method.id, method);
  ctx.body = render(ctx, method, expand);
});
router.param("method", (id, ctx, next) => {
  ctx.state.method = find(ctx, methods, id, "PaymentMethod", "payment_method");
  return next();
});
router.get("/payment_methods/:method", (ctx) => { ctx.body = ctx.state.method; });
router.post("/payment_methods/:method/attach", valid(schemas.attach), (ctx) => {
  const { method } = ctx.state;
  const customer = find(ctx, customers, ctx.request.body.customer, "customer", "customer", 400);
  if (method.customer && method.customer !== customer.id) {
    refuse(ctx, 400, "The payment method you provided has already been attached to a customer.");
  }
  ctx.body = render(ctx, { ...method, customer: customer.id }, ctx.request.body.expand);
  method.customer = customer.id;
});
router.post("/payment_methods/:method/detach", valid(schemas.detach), (ctx) => {
  const { method } = ctx.state;
  if (!method.customer) refuse(ctx, 400, "The payment method you provided is not attached to a customer.");
  method.customer = null;
  ctx.body = render(ctx, method, ctx.request.body.expand);
});

app.use(router.routes()).use(router.allowedMethods());
app.listen(process.env.PORT, "127.0.0.1");
