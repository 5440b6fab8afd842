// A double of Stripe's payment methods, for the tests of an application.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
)

type object = map[string]any

type saved struct {
	request [32]byte
	answer  *httptest.ResponseRecorder
}

type server struct {
	mu        sync.Mutex
	customers map[string]object
	methods   map[string]object
	order     []string
	answers   map[string]saved
}

var (
	expandName = regexp.MustCompile(`^expand\[\d*\]$`)
	cardName   = regexp.MustCompile(`^(card|billing_details|metadata)\[`)
)

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, code, param, message string) {
	failure := object{"type": "invalid_request_error", "message": message}
	if code != "" {
		failure["code"] = code
		failure["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
	}
	if param != "" {
		failure["param"] = param
	}
	reply(w, status, object{"error": failure})
}

// form parses the body and refuses parameters for which known says no.
func form(w http.ResponseWriter, r *http.Request, known func(string) bool) bool {
	if err := r.ParseForm(); err != nil {
		fail(w, 400, "", "", "Invalid request (check your POST parameters): "+err.Error())
		return false
	}
	for name := range r.PostForm {
		if !known(name) {
			fail(w, 400, "parameter_unknown", name, "Received unknown parameter: "+name)
			return false
		}
	}
	return true
}

func hash(r *http.Request, name string) object {
	found := object{}
	for key := range r.PostForm {
		if inner, ok := strings.CutPrefix(key, name+"["); ok {
			found[strings.TrimSuffix(inner, "]")] = r.PostForm.Get(key)
		}
	}
	return found
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *server) createCustomer(w http.ResponseWriter, r *http.Request) {
	known := func(name string) bool {
		return slices.Contains([]string{"email", "name", "description"}, name) || strings.HasPrefix(name, "metadata[")
	}
	if !form(w, r, known) {
		return
	}
	id := "cus_" + rand.Text()[:14]
	s.customers[id] = object{
		"id": id, "object": "customer", "created": time.Now().Unix(), "livemode": false,
		"email": orNull(r.PostFormValue("email")), "name": orNull(r.PostFormValue("name")),
		"description": orNull(r.PostFormValue("description")), "metadata": hash(r, "metadata"),
	}
	reply(w, 200, s.customers[id])
}

func (s *server) getCustomer(w http.ResponseWriter, r *http.Request) {
	customer, ok := s.customers[r.PathValue("id")]
	if !ok {
		fail(w, 404, "resource_missing", "id", "No such customer: '"+r.PathValue("id")+"'")
		return
	}
	reply(w, 200, customer)
}

func (s *server) deleteCustomer(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, ok := s.customers[id]; !ok {
		fail(w, 404, "resource_missing", "id", "No such customer: '"+id+"'")
		return
	}
	delete(s.customers, id)
	for _, method := range s.methods {
		if method["customer"] == id {
			method["customer"] = nil
		}
	}
	reply(w, 200, object{"id": id, "object": "customer", "deleted": true})
}

func (s *server) createMethod(w http.ResponseWriter, r *http.Request) {
	if !form(w, r, func(name string) bool { return name == "type" || cardName.MatchString(name) }) {
		return
	}
	if r.PostFormValue("type") != "card" {
		fail(w, 400, "parameter_missing", "type", "Missing required param: type.")
		return
	}
	last4 := "4242"
	if number := r.PostFormValue("card[number]"); len(number) > 4 {
		last4 = number[len(number)-4:]
	}
	billing := hash(r, "billing_details")
	id := "pm_" + rand.Text()[:24]
	s.methods[id] = object{
		"id": id, "object": "payment_method", "type": "card", "customer": nil, "livemode": false,
		"created": time.Now().Unix(), "metadata": hash(r, "metadata"),
		"billing_details": object{"address": nil, "email": billing["email"], "name": billing["name"], "phone": billing["phone"]},
		"card": object{
			"brand": "visa", "country": "US", "exp_month": 12, "exp_year": time.Now().Year() + 1,
			"funding": "credit", "last4": last4,
		},
	}
	s.order = append(s.order, id)
	reply(w, 200, s.methods[id])
}

// method finds the payment method of the path, or answers 404.
func (s *server) method(w http.ResponseWriter, r *http.Request) (object, bool) {
	id := r.PathValue("id")
	method, ok := s.methods[id]
	if !ok {
		fail(w, 404, "resource_missing", "payment_method", "No such PaymentMethod: '"+id+"'")
	}
	return method, ok
}

func (s *server) getMethod(w http.ResponseWriter, r *http.Request) {
	if method, ok := s.method(w, r); ok {
		reply(w, 200, method)
	}
}

func (s *server) attach(w http.ResponseWriter, r *http.Request) {
	known := func(name string) bool { return name == "customer" || expandName.MatchString(name) }
	if !form(w, r, known) {
		return
	}
	method, ok := s.method(w, r)
	if !ok {
		return
	}
	id := r.PostFormValue("customer")
	if id == "" {
		fail(w, 400, "parameter_missing", "customer", "Missing required param: customer.")
		return
	}
	expand := false
	for name, paths := range r.PostForm {
		if !expandName.MatchString(name) {
			continue
		}
		for _, path := range paths {
			if path != "customer" {
				fail(w, 400, "", name, "This property cannot be expanded ("+path+").")
				return
			}
			expand = true
		}
	}
	customer, ok := s.customers[id]
	if !ok {
		fail(w, 400, "resource_missing", "customer", "No such customer: '"+id+"'")
		return
	}
	if owner := method["customer"]; owner != nil && owner != id {
		fail(w, 400, "", "", "The payment method you provided has already been attached to a customer.")
		return
	}
	method["customer"] = id
	answer := object{}
	for key, value := range method {
		answer[key] = value
	}
	if expand {
		answer["customer"] = customer
	}
	reply(w, 200, answer)
}

func (s *server) detach(w http.ResponseWriter, r *http.Request) {
	method, ok := s.method(w, r)
	if !ok {
		return
	}
	if method["customer"] == nil {
		fail(w, 400, "", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
		return
	}
	method["customer"] = nil
	reply(w, 200, method)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if id == "" {
		id = r.URL.Query().Get("customer")
	}
	data := []object{}
	for _, each := range s.order {
		if s.methods[each]["customer"] == id {
			data = append(data, s.methods[each])
		}
	}
	reply(w, 200, object{"object": "list", "data": data, "has_more": false, "url": r.URL.Path})
}

func authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _, ok := r.BasicAuth()
		if !ok {
			key, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		}
		if !strings.HasPrefix(key, "sk_test_") {
			w.Header().Set("WWW-Authenticate", `Basic realm="Stripe"`)
			fail(w, 401, "", "", "Invalid API Key provided.")
			return
		}
		w.Header().Set("Request-Id", "req_"+rand.Text()[:14])
		next.ServeHTTP(w, r)
	})
}

// idempotent takes one request after the other, which also guards the maps.
func (s *server) idempotent(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			fail(w, 413, "", "", "The request body is too large.")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		defer s.mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if key == "" || r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		request := sha256.Sum256([]byte(r.URL.Path + "\n" + string(body)))
		known, ok := s.answers[key]
		if ok && known.request != request {
			reply(w, 400, object{"error": object{"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters they were first used with."}})
			return
		}
		if ok {
			w.Header().Set("Idempotent-Replayed", "true")
		} else {
			known = saved{request, httptest.NewRecorder()}
			next.ServeHTTP(known.answer, r)
			s.answers[key] = known
		}
		w.Header().Set("Idempotency-Key", key)
		w.Header().Set("Content-Type", known.answer.Header().Get("Content-Type"))
		w.WriteHeader(known.answer.Code)
		w.Write(known.answer.Body.Bytes())
	})
}

func main() {
	address := flag.String("addr", "127.0.0.1:8420", "the address to listen on")
	flag.Parse()
	s := &server{customers: map[string]object{}, methods: map[string]object{}, answers: map[string]saved{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/customers", s.createCustomer)
	mux.HandleFunc("GET /v1/customers/{id}", s.getCustomer)
	mux.HandleFunc("DELETE /v1/customers/{id}", s.deleteCustomer)
	mux.HandleFunc("GET /v1/customers/{id}/payment_methods", s.list)
	mux.HandleFunc("GET /v1/payment_methods", s.list)
	mux.HandleFunc("POST /v1/payment_methods", s.createMethod)
	mux.HandleFunc("GET /v1/payment_methods/{id}", s.getMethod)
	mux.HandleFunc("POST /v1/payment_methods/{id}/attach", s.attach)
	mux.HandleFunc("POST /v1/payment_methods/{id}/detach", s.detach)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, 404, "", "", "Unrecognized request URL ("+r.Method+": "+r.URL.Path+").")
	})
	handler := cors.Default().Handler(gzhttp.GzipHandler(authenticated(s.idempotent(mux))))
	log.Fatal((&http.Server{
		Addr: *address, Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
	}).ListenAndServe())
}
