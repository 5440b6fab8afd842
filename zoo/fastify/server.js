const { randomBytes, createHash } = require("node:crypto");
const qs = require("qs");

const fastify = require("fastify")({ routerOptions: { ignoreTrailingSlash: true }, genReqId: () => newId("req") });

const cards = new Map([["tok_visa", ["visa", "4242"]], ["tok_mastercard", ["mastercard", "4444"]], ["4242424242424242", ["visa", "4242"]]]);
const customers = new Map();
const paymentMethods = new Map();
const results = new Map();

const newId = (prefix) => `${prefix}_${randomBytes(9).toString("base64url").replace(/[-_]/g, "0")}`;
const created = () => Math.floor(Date.now() / 1000);

function problem(statusCode, message, members = {}) {
  return Object.assign(new Error(message), { statusCode, members });
}
function get(map, id, what, param, statusCode = 404) {
  if (!map.has(id)) throw problem(statusCode, `No such ${what}: '${id}'`, { code: "resource_missing", param });
  return map.get(id);
}

const string = { type: "string", maxLength: 5000 };
const form = (properties, required = []) => ({
  body: { type: "object", properties, required, additionalProperties: false },
});
const expand = { type: "array", items: string };
const metadata = { type: "object", additionalProperties: { type: "string", maxLength: 500 } };
const schemas = {
  customer: form({ email: string, name: string, description: string, metadata }),
  paymentMethod: form({
    type: { enum: ["card"] },
    card: {
      type: "object",
      properties: { token: string, number: string, exp_month: { type: "integer" }, exp_year: { type: "integer" }, cvc: string },
    },
    billing_details: { type: "object", properties: { email: string, name: string, phone: string } },
    metadata,
    expand,
  }, ["type", "card"]),
  attach: form({ customer: { ...string, minLength: 1 }, expand }, ["customer"]),
  detach: form({ expand }),
};

fastify.register(require("@fastify/formbody"), { parser: (text) => qs.parse(text) });
fastify.register(require("@fastify/cors"));
fastify.register(require("@fastify/rate-limit"), { max: 100000, timeWindow: "1 minute" });

fastify.addHook("onRequest", async (request, reply) => {
  reply.header("Request-Id", request.id);
  const header = request.headers.authorization ?? "";
  let key = header.startsWith("Bearer ") ? header.slice(7) : "";
  if (header.startsWith("Basic ")) key = Buffer.from(header.slice(6), "base64").toString().split(":")[0];
  if (key === process.env.API_KEY) return;
  reply.header("WWW-Authenticate", 'Bearer realm="Stripe"');
  throw problem(401, key ? "Invalid API Key provided." : "You did not provide an API key.");
});

// A POST without a body, as clients send to detach, is an empty form.
fastify.addHook("preValidation", async (request) => {
  if (request.method === "POST") request.body ??= {};
});

// Runs after validation, so that only what was carried out is kept.
fastify.addHook("preHandler", async (request, reply) => {
  const key = request.headers["idempotency-key"];
  if (request.method !== "POST" || !key) return;
  const asked = request.url + JSON.stringify(request.body);
  const result = results.get(key);
  if (!result) {
    request.idempotency = { key, asked };
    return;
  }
  if (result.asked !== asked) {
    throw problem(400, "Keys for idempotent requests can only be used with the same parameters.", { type: "idempotency_error" });
  }
  return reply.code(result.statusCode).type("application/json; charset=utf-8").header("Idempotent-Replayed", "true").send(result.payload);
});
fastify.addHook("onSend", async (request, reply, payload) => {
  if (!request.idempotency) return;
  const { key, asked } = request.idempotency;
  results.set(key, { asked, statusCode: reply.statusCode, payload });
});

fastify.setErrorHandler((error, request, reply) => {
  const { statusCode = 500, message, members, validation } = error;
  const body = { type: statusCode < 500 ? "invalid_request_error" : "api_error", message, ...members };
  if (validation) {
    const { keyword, params, instancePath } = validation[0];
    body.param = keyword === "required" ? params.missingProperty : instancePath.slice(1);
    if (keyword === "required") body.code = "parameter_missing";
  }
  reply.code(statusCode).send({ error: body });
});
fastify.setNotFoundHandler((request) => {
  throw problem(404, `Unrecognized request URL (${request.method}: ${request.url}).`);
});

function render(paymentMethod, paths = []) {
  const rendered = structuredClone(paymentMethod);
  for (const path of paths) {
    if (path !== "customer") throw problem(400, `This property cannot be expanded (${path}).`);
    if (paymentMethod.customer) rendered.customer = customers.get(paymentMethod.customer);
  }
  return rendered;
}

fastify.register(async (app) => {
  app.post("/customers", { schema: schemas.customer }, async ({ body }) => {
    const { email = null, name = null, description = null, metadata = {} } = body;
    const customer = { id: newId("cus"), object: "customer", created: created(), description, email, livemode: false, metadata, name };
    customers.set(customer.id, customer);
    return customer;
  });
  app.get("/customers/:id", async ({ params }) => get(customers, params.id, "customer", "id"));
  app.delete("/customers/:id", async ({ params: { id } }) => {
    get(customers, id, "customer", "id");
    customers.delete(id);
    for (const each of paymentMethods.values()) if (each.customer === id) each.customer = null;
    return { id, object: "customer", deleted: true };
  });
  const list = (url, id) => ({ object: "list", url, has_more: false, data: [...paymentMethods.values()].filter((each) => each.customer === id) });
  app.get("/customers/:id/payment_methods", async ({ url, params }) => list(url, get(customers, params.id, "customer", "customer").id));
  app.get("/payment_methods", async ({ url, query }) => list(url, query.customer ?? ""));

  app.post("/payment_methods", { schema: schemas.paymentMethod }, async ({ body: { card, billing_details = {}, metadata = {}, expand } }) => {
    const [brand, last4] = cards.get(card.token ?? card.number) ?? [];
    if (!brand) throw problem(400, `No such token: '${card.token}'`, { code: "resource_missing", param: "card[token]" });
    const paymentMethod = {
      id: newId("pm"), object: "payment_method",
      billing_details: {
        address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
        email: null, name: null, phone: null, ...billing_details,
      },
      card: {
        brand, checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: null }, country: "US",
        exp_month: card.exp_month ?? 8, exp_year: card.exp_year ?? 2030, fingerprint: createHash("md5").update(last4).digest("hex").slice(0, 16),
        funding: "credit", last4, networks: { available: [brand], preferred: null }, three_d_secure_usage: { supported: true }, wallet: null,
      },
      created: created(), customer: null, livemode: false, metadata, type: "card",
    };
    paymentMethods.set(paymentMethod.id, paymentMethod);
    return render(paymentMethod, expand);
  });
  app.get("/payment_methods/:id", async ({ params }) => get(paymentMethods, params.id, "PaymentMethod", "payment_method"));

  app.post("/payment_methods/:id/attach", { schema: schemas.attach }, async ({ params, body }) => {
    const paymentMethod = get(paymentMethods, params.id, "PaymentMethod", "payment_method");
    const customer = get(customers, body.customer, "customer", "customer", 400);
    if (paymentMethod.customer && paymentMethod.customer !== customer.id) {
      throw problem(400, "The payment method you provided has already been attached to a customer.");
    }
    const rendered = render({ ...paymentMethod, customer: customer.id }, body.expand);
    paymentMethod.customer = customer.id;
    return rendered;
  });
  app.post("/payment_methods/:id/detach", { schema: schemas.detach }, async ({ params, body }) => {
    const paymentMethod = get(paymentMethods, params.id, "PaymentMethod", "payment_method");
    if (!paymentMethod.customer) throw problem(400, "The payment method you provided is not attached to a customer.");
    paymentMethod.customer = null;
    return render(paymentMethod, body.expand);
  });
}, { prefix: "/v1" });

fastify.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
