//! A double of Stripe's payment methods for tests, written with axum.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderName, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_qs::axum::QsForm;
use tower_http::{
    compression::CompressionLayer,
    cors::CorsLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CustomerForm {
    email: Option<String>,
    name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodForm {
    r#type: String,
    #[serde(default)]
    card: HashMap<String, String>,
    #[serde(default)]
    billing_details: HashMap<String, Value>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachForm {
    customer: String,
    #[serde(default)]
    expand: Vec<String>,
}

#[derive(Deserialize)]
struct ListQuery {
    customer: Option<String>,
}

struct Answer {
    request: (String, Bytes),
    status: StatusCode,
    body: Bytes,
}

#[derive(Default)]
struct Store {
    customers: HashMap<String, Value>,
    methods: Vec<Value>,
    answers: HashMap<String, Answer>,
}

type Shared = Arc<Mutex<Store>>;

struct Failure(u16, Value);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap();
        (status, axum::Json(json!({ "error": self.1 }))).into_response()
    }
}

type Outcome = Result<axum::Json<Value>, Failure>;

fn invalid(message: &str) -> Failure {
    Failure(400, json!({"type": "invalid_request_error", "message": message}))
}

fn missing(status: u16, param: &str, kind: &str, id: &str) -> Failure {
    let message = format!("No such {kind}: '{id}'");
    Failure(
        status,
        json!({"type": "invalid_request_error", "code": "resource_missing", "param": param, "message": message}),
    )
}

impl From<serde_qs::axum::QsQueryRejection> for Failure {
    fn from(rejection: serde_qs::axum::QsQueryRejection) -> Self {
        invalid(&rejection.to_string())
    }
}

/// serde_qs' form, with its rejection as an error of Stripe's form.
#[derive(axum::extract::FromRequest)]
#[from_request(via(QsForm), rejection(Failure))]
struct Form<T>(T);

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn id(prefix: &str) -> String {
    format!("{prefix}_{:024x}", rand::random::<u128>() >> 32)
}

impl Store {
    fn method(&mut self, id: &str) -> Result<&mut Value, Failure> {
        self.methods.iter_mut().find(|method| method["id"] == id).ok_or(missing(
            404,
            "payment_method",
            "PaymentMethod",
            id,
        ))
    }
}

async fn create_customer(State(store): State<Shared>, Form(form): Form<CustomerForm>) -> Outcome {
    let id = id("cus");
    let mut customer = json!(form);
    customer["id"] = json!(id);
    customer["object"] = json!("customer");
    customer["created"] = json!(now());
    customer["livemode"] = json!(false);
    store.lock().unwrap().customers.insert(id, customer.clone());
    Ok(axum::Json(customer))
}

async fn get_customer(State(store): State<Shared>, Path(id): Path<String>) -> Outcome {
    let store = store.lock().unwrap();
    store
        .customers
        .get(&id)
        .cloned()
        .map(axum::Json)
        .ok_or(missing(404, "id", "customer", &id))
}

async fn delete_customer(State(store): State<Shared>, Path(id): Path<String>) -> Outcome {
    let mut store = store.lock().unwrap();
    store.customers.remove(&id).ok_or(missing(404, "id", "customer", &id))?;
    for method in store.methods.iter_mut().filter(|method| method["customer"] == id) {
        method["customer"] = Value::Null;
    }
    Ok(axum::Json(json!({"id": id, "object": "customer", "deleted": true})))
}

async fn create_method(State(store): State<Shared>, Form(form): Form<MethodForm>) -> Outcome {
    if form.r#type != "card" {
        return Err(invalid("Invalid type: must be card"));
    }
    let number = form.card.get("number").cloned().unwrap_or("4242424242424242".into());
    let last4: String = number.chars().skip(number.chars().count().saturating_sub(4)).collect();
    let billing = |name: &str| form.billing_details.get(name).cloned().unwrap_or(Value::Null);
    let method = json!({
        "id": id("pm"), "object": "payment_method", "type": "card", "customer": null, "created": now(),
        "livemode": false, "metadata": form.metadata,
        "billing_details": {"address": billing("address"), "email": billing("email"), "name": billing("name"), "phone": billing("phone")},
        "card": {"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2030, "funding": "credit", "last4": last4},
    });
    store.lock().unwrap().methods.push(method.clone());
    Ok(axum::Json(method))
}

async fn get_method(State(store): State<Shared>, Path(id): Path<String>) -> Outcome {
    Ok(axum::Json(store.lock().unwrap().method(&id)?.clone()))
}

async fn attach(State(store): State<Shared>, Path(id): Path<String>, Form(form): Form<AttachForm>) -> Outcome {
    let mut store = store.lock().unwrap();
    store.method(&id)?;
    if let Some(path) = form.expand.iter().find(|path| *path != "customer") {
        return Err(invalid(&format!("This property cannot be expanded ({path}).")));
    }
    let customer =
        store
            .customers
            .get(&form.customer)
            .cloned()
            .ok_or(missing(400, "customer", "customer", &form.customer))?;
    let method = store.method(&id)?;
    if !method["customer"].is_null() && method["customer"] != form.customer {
        return Err(invalid(
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    method["customer"] = json!(form.customer);
    let mut answer = method.clone();
    if !form.expand.is_empty() {
        answer["customer"] = customer;
    }
    Ok(axum::Json(answer))
}

async fn detach(State(store): State<Shared>, Path(id): Path<String>) -> Outcome {
    let mut store = store.lock().unwrap();
    let method = store.method(&id)?;
    if method["customer"].is_null() {
        return Err(invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        ));
    }
    method["customer"] = Value::Null;
    Ok(axum::Json(method.clone()))
}

fn listed(store: &Shared, customer: Option<String>, url: String) -> Outcome {
    let store = store.lock().unwrap();
    let data: Vec<_> = store
        .methods
        .iter()
        .filter(|method| method["customer"] == json!(customer))
        .cloned()
        .collect();
    Ok(axum::Json(
        json!({"object": "list", "data": data, "has_more": false, "url": url}),
    ))
}

async fn list(State(store): State<Shared>, Query(query): Query<ListQuery>) -> Outcome {
    listed(&store, query.customer, "/v1/payment_methods".into())
}

async fn list_of(State(store): State<Shared>, Path(id): Path<String>) -> Outcome {
    let url = format!("/v1/customers/{id}/payment_methods");
    listed(&store, Some(id), url)
}

async fn unknown(request: Request) -> Failure {
    let message = format!(
        "Unrecognized request URL ({}: {}).",
        request.method(),
        request.uri().path()
    );
    Failure(404, json!({"type": "invalid_request_error", "message": message}))
}

async fn authenticated(request: Request, next: Next) -> Response {
    use axum_extra::headers::{
        Authorization, HeaderMapExt,
        authorization::{Basic, Bearer},
    };
    let bearer = request
        .headers()
        .typed_get::<Authorization<Bearer>>()
        .map(|found| found.token().to_string());
    let basic = request
        .headers()
        .typed_get::<Authorization<Basic>>()
        .map(|found| found.username().to_string());
    if bearer.or(basic).is_some_and(|key| key.starts_with("sk_test_")) {
        return next.run(request).await;
    }
    let error = json!({"type": "invalid_request_error", "message": "Invalid API Key provided."});
    (
        [(header::WWW_AUTHENTICATE, "Bearer realm=\"Stripe\"")],
        Failure(401, error),
    )
        .into_response()
}

async fn idempotent(State(store): State<Shared>, request: Request, next: Next) -> Response {
    let Some(key) = request
        .headers()
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(str::to_string)
    else {
        return next.run(request).await;
    };
    if request.method() != "POST" {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Failure(
            413,
            json!({"type": "invalid_request_error", "message": "The body is too large."}),
        )
        .into_response();
    };
    let same = (parts.uri.path().to_string(), body.clone());
    if let Some(answer) = store.lock().unwrap().answers.get(&key) {
        if answer.request != same {
            return Failure(400, json!({"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters they were first used with."})).into_response();
        }
        return (
            answer.status,
            [("content-type", "application/json"), ("idempotent-replayed", "true")],
            answer.body.clone(),
        )
            .into_response();
    }
    let (head, content) = next
        .run(Request::from_parts(parts, Body::from(body)))
        .await
        .into_parts();
    let content = to_bytes(content, usize::MAX).await.unwrap_or_default();
    let answer = Answer {
        request: same,
        status: head.status,
        body: content.clone(),
    };
    store.lock().unwrap().answers.insert(key, answer);
    Response::from_parts(head, Body::from(content))
}

#[tokio::main]
async fn main() {
    let store = Shared::default();
    let id = HeaderName::from_static("request-id");
    let app = Router::new()
        .route("/v1/customers", post(create_customer))
        .route("/v1/customers/{id}", get(get_customer).delete(delete_customer))
        .route("/v1/customers/{id}/payment_methods", get(list_of))
        .route("/v1/payment_methods", get(list).post(create_method))
        .route("/v1/payment_methods/{id}", get(get_method))
        .route("/v1/payment_methods/{id}/attach", post(attach))
        .route("/v1/payment_methods/{id}/detach", post(detach))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(middleware::from_fn_with_state(store.clone(), idempotent))
        .layer(middleware::from_fn(authenticated))
        .layer(RequestBodyLimitLayer::new(1 << 20))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(30),
        ))
        .layer(CompressionLayer::new())
        .layer(CorsLayer::permissive())
        .layer(PropagateRequestIdLayer::new(id.clone()))
        .layer(SetRequestIdLayer::new(id, MakeRequestUuid))
        .with_state(store);
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8420".into());
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
