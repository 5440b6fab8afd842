const crypto = require("node:crypto");
const express = require("express");
const session = require("express-session");
const { body, matchedData, validationResult } = require("express-validator");

const app = express();
const customers = {};
const methods = {};
const answers = {};
const cards = { tok_visa: ["visa", "4242"], tok_mastercard: ["mastercard", "4444"], 4242424242424242: ["visa", "4242"] };

const id = (prefix) => prefix + "_" + crypto.randomBytes(7).toString("hex");
const seconds = () => Math.round(Date.now() / 1000);
const fail = (res, status, message, more = {}) =>
  res.status(status).json({ error: { message, type: "invalid_request_error", ...more } });
const missing = (res, status, what, id, param) =>
  fail(res, status, `No such ${what}: '${id}'`, { code: "resource_missing", param });

// Keys that begin with $ or hold a dot are operators to a document store: none may come in.
function withoutOperators(req, res, next) {
  for (const key of Object.keys(req.body ?? {})) if (/^\$|\./.test(key)) delete req.body[key];
  next();
}

// Forms send "" for a field that was left empty.
function emptyToNull(req, res, next) {
  for (const key of Object.keys(req.body ?? {})) if (req.body[key] === "") req.body[key] = null;
  next();
}

function key(req, res, next) {
  const header = req.headers.authorization ?? "";
  const basic = /^Basic (.+)$/i.exec(header);
  const given = basic ? atob(basic[1]).split(":")[0] : header.replace(/^Bearer /i, "");
  if (given === process.env.API_KEY) return next();
  res.set("WWW-Authenticate", 'Bearer realm="Stripe"');
  fail(res, 401, given ? "Invalid API Key provided." : "You did not provide an API key.");
}

function once(req, res, next) {
  const name = req.get("Idempotency-Key");
  if (req.method !== "POST" || !name) return next();
  const known = answers[name];
  if (known) {
    if (known.path !== req.path || known.body !== JSON.stringify(req.body)) {
      return fail(res, 400, "Keys for idempotent requests can only be used with the same parameters.", { type: "idempotency_error" });
    }
    res.set("Idempotent-Replayed", "true");
    return res.status(known.status).type("json").send(known.answer);
  }
  const [path, sent, send] = [req.path, JSON.stringify(req.body), res.send];
  res.send = function (answer) {
    if (typeof answer === "string") answers[name] = { path, body: sent, status: res.statusCode, answer };
    return send.call(this, answer);
  };
  next();
}

// Refuses what a route does not name, and answers the first complaint.
const accept = (allowed, ...checks) => [
  ...checks,
  (req, res, next) => {
    const unknown = Object.keys(req.body ?? {}).find((name) => !allowed.test(name));
    if (unknown) return fail(res, 400, `Received unknown parameter: ${unknown}`, { code: "parameter_unknown", param: unknown });
    const [error] = validationResult(req).array();
    if (error) return fail(res, 400, error.msg, { code: error.value == null ? "parameter_missing" : undefined, param: error.path });
    req.fields = matchedData(req);
    next();
  },
];
const expandable = /^expand\[\d*\]$/;

function expanded(req, method) {
  const names = Object.keys(req.body ?? {}).filter((name) => expandable.test(name));
  const wanted = names.flatMap((name) => req.body[name]);
  const bad = wanted.find((path) => path !== "customer");
  if (bad !== undefined) return [`This property cannot be expanded (${bad}).`];
  return [null, wanted.length ? { ...method, customer: customers[method.customer] } : method];
}

app.use((req, res, next) => { res.set("Request-Id", id("req")); next(); });
app.use(require("helmet")());
app.use(require("cors")());
app.use(require("compression")());
app.use(session({ secret: "keyboard cat", resave: false, saveUninitialized: true }));
app.use(express.urlencoded({ extended: false, limit: "100kb" }));
app.use(require("hpp")());
app.use(withoutOperators, emptyToNull, key, once);

app.post("/v1/customers", accept(/^(email|name|description|metadata\[.+\])$/), (req, res) => {
  const { email = null, name = null, description = null } = req.body ?? {};
  const customer = { id: id("cus"), object: "customer", created: seconds(), email, name, description, livemode: false, metadata: {} };
  for (const [field, value] of Object.entries(req.body ?? {})) {
    const entry = /^metadata\[(.+)\]$/.exec(field);
    if (entry) customer.metadata[entry[1]] = value;
  }
  res.json((customers[customer.id] = customer));
});

app.route("/v1/customers/:id")
  .all((req, res, next) => (customers[req.params.id] ? next() : missing(res, 404, "customer", req.params.id, "id")))
  .get((req, res) => res.json(customers[req.params.id]))
  .delete((req, res) => {
    delete customers[req.params.id];
    for (const method of Object.values(methods)) if (method.customer === req.params.id) method.customer = null;
    res.json({ id: req.params.id, object: "customer", deleted: true });
  });

const list = (res, url, customer) =>
  res.json({ object: "list", url, has_more: false, data: Object.values(methods).filter((each) => each.customer === customer) });
app.get("/v1/customers/:id/payment_methods", (req, res) => list(res, req.path, req.params.id));
app.get("/v1/payment_methods", (req, res) => list(res, req.path, req.query.customer ?? ""));

app.post(
  "/v1/payment_methods",
  accept(
    /^(type|card\[\w+\]|billing_details\[.+\]|metadata\[.+\]|expand\[\d*\])$/,
    body("type").equals("card").withMessage("Invalid type: must be card"),
  ),
  (req, res) => {
    const card = cards[req.body["card[token]"] ?? req.body["card[number]"]];
    if (!card) return fail(res, 400, "No such token", { code: "resource_missing", param: "card[token]" });
    const method = {
      id: id("pm"), object: "payment_method",
      billing_details: {
        address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
        email: null, name: req.body["billing_details[name]"] ?? null, phone: null,
      },
      card: {
        brand: card[0], checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" }, country: "US",
        exp_month: +(req.body["card[exp_month]"] ?? 8), exp_year: +(req.body["card[exp_year]"] ?? 2030), fingerprint: "mToisGZ01V71BCos",
        funding: "credit", last4: card[1], networks: { available: [card[0]], preferred: null }, three_d_secure_usage: { supported: true },
        wallet: null,
      },
      created: seconds(), customer: null, livemode: false, metadata: {}, type: "card",
    };
    res.json((methods[method.id] = method));
  },
);

app.param("method", (req, res, next, id) => {
  req.paymentMethod = methods[id];
  return req.paymentMethod ? next() : missing(res, 404, "PaymentMethod", id, "payment_method");
});
app.get("/v1/payment_methods/:method", (req, res) => res.json(req.paymentMethod));

app.post(
  "/v1/payment_methods/:method/attach",
  accept(
    /^(customer|expand\[\d*\])$/,
    body("customer").exists({ values: "null" }).withMessage("Missing required param: customer.").bail()
      .isString().trim().isLength({ max: 5000 }).withMessage("Invalid string: must be at most 5000 characters"),
  ),
  (req, res) => {
    const { customer } = req.fields;
    if (!customers[customer]) return missing(res, 400, "customer", customer, "customer");
    if (req.paymentMethod.customer && req.paymentMethod.customer !== customer) {
      return fail(res, 400, "The payment method you provided has already been attached to a customer.");
    }
    const [error, answer] = expanded(req, { ...req.paymentMethod, customer });
    if (error) return fail(res, 400, error);
    req.paymentMethod.customer = customer;
    res.json(answer);
  },
);

app.post("/v1/payment_methods/:method/detach", accept(/^expand\[\d*\]$/), (req, res) => {
  if (!req.paymentMethod.customer) return fail(res, 400, "The payment method you provided is not attached to a customer.");
  req.paymentMethod.customer = null;
  res.json(req.paymentMethod);
});

app.use((req, res) => fail(res, 404, `Unrecognized request URL (${req.method}: ${req.path}).`));
app.use((error, req, res, next) => fail(res, error.status ?? 500, error.message, error.status ? {} : { type: "api_error" }));
app.listen(process.env.PORT, "127.0.0.1");
