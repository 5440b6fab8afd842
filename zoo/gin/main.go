// A double of Stripe's payment methods for tests, written with Gin.
package main

import (
	"bytes"
	"crypto/rand"
	"flag"
	"io"
	"log"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-contrib/gzip"
	"github.com/gin-contrib/requestid"
	"github.com/gin-gonic/gin"
)

type customerForm struct {
	Email       *string `form:"email" binding:"omitempty,email"`
	Name        *string `form:"name"`
	Description *string `form:"description"`
}

type methodForm struct {
	Type string `form:"type" binding:"required,oneof=card"`
}

type attachForm struct {
	Customer string   `form:"customer" json:"customer" binding:"required,max=5000"`
	Expand   []string `form:"expand[]" json:"expand" binding:"dive,oneof=customer"`
}

type answer struct {
	path, body string
	status     int
	written    []byte
}

type store struct {
	sync.Mutex
	customers, methods map[string]gin.H
	order              []string
	answers            map[string]answer
}

func fail(c *gin.Context, status int, code, param, message string) {
	failure := gin.H{"type": "invalid_request_error", "message": message}
	if code != "" {
		failure["code"] = code
	}
	if param != "" {
		failure["param"] = param
	}
	c.AbortWithStatusJSON(status, gin.H{"error": failure})
}

// known refuses parameters that are none of names; Gin's binding ignores them.
func known(c *gin.Context, names ...string) bool {
	c.Request.ParseForm()
	for name := range c.Request.PostForm {
		base, _, _ := strings.Cut(name, "[")
		if !slices.Contains(names, base) {
			fail(c, 400, "parameter_unknown", name, "Received unknown parameter: "+name)
			return false
		}
	}
	return true
}

func (s *store) createCustomer(c *gin.Context) {
	var form customerForm
	if !known(c, "email", "name", "description", "metadata") {
		return
	}
	if err := c.ShouldBind(&form); err != nil {
		fail(c, 400, "", "", err.Error())
		return
	}
	id := "cus_" + rand.Text()[:14]
	s.customers[id] = gin.H{
		"id": id, "object": "customer", "created": time.Now().Unix(), "livemode": false, "email": form.Email,
		"name": form.Name, "description": form.Description, "metadata": c.PostFormMap("metadata"),
	}
	c.JSON(200, s.customers[id])
}

// customer answers 404 where the path names no customer.
func (s *store) customer(c *gin.Context) gin.H {
	customer, ok := s.customers[c.Param("id")]
	if !ok {
		fail(c, 404, "resource_missing", "id", "No such customer: '"+c.Param("id")+"'")
	}
	return customer
}

func (s *store) method(c *gin.Context) gin.H {
	method, ok := s.methods[c.Param("id")]
	if !ok {
		fail(c, 404, "resource_missing", "payment_method", "No such PaymentMethod: '"+c.Param("id")+"'")
	}
	return method
}

func (s *store) deleteCustomer(c *gin.Context) {
	if s.customer(c) == nil {
		return
	}
	id := c.Param("id")
	delete(s.customers, id)
	for _, method := range s.methods {
		if method["customer"] == id {
			method["customer"] = nil
		}
	}
	c.JSON(200, gin.H{"id": id, "object": "customer", "deleted": true})
}

func (s *store) createMethod(c *gin.Context) {
	var form methodForm
	if !known(c, "type", "card", "billing_details", "metadata") {
		return
	}
	if err := c.ShouldBind(&form); err != nil {
		fail(c, 400, "", "type", err.Error())
		return
	}
	last4 := "4242"
	if number := c.PostFormMap("card")["number"]; len(number) > 4 {
		last4 = number[len(number)-4:]
	}
	// PostFormMap cuts a name behind its first brackets, so the address is read field by field.
	address := gin.H{}
	for _, name := range []string{"city", "country", "line1", "line2", "postal_code", "state"} {
		address[name] = nil
		if value, ok := c.GetPostForm("billing_details[address][" + name + "]"); ok {
			address[name] = value
		}
	}
	billing := gin.H{"address": address, "email": nil, "name": nil, "phone": nil}
	for key, value := range c.PostFormMap("billing_details") {
		if key != "address" {
			billing[key] = value
		}
	}
	id := "pm_" + rand.Text()[:24]
	s.methods[id] = gin.H{
		"id": id, "object": "payment_method", "type": "card", "customer": nil, "livemode": false,
		"created": time.Now().Unix(), "metadata": c.PostFormMap("metadata"), "billing_details": billing,
		"card": gin.H{"brand": "visa", "country": "US", "exp_month": 12, "exp_year": time.Now().Year() + 1, "funding": "credit", "last4": last4},
	}
	s.order = append(s.order, id)
	c.JSON(200, s.methods[id])
}

func (s *store) attach(c *gin.Context) {
	if !known(c, "customer", "expand") {
		return
	}
	method := s.method(c)
	if method == nil {
		return
	}
	var form attachForm
	if err := c.ShouldBind(&form); err != nil {
		fail(c, 400, "parameter_missing", "customer", "Invalid request: "+err.Error())
		return
	}
	// The official libraries send expand[0], expand[1] and so on.
	for _, path := range c.PostFormMap("expand") {
		if path != "" && path != "customer" {
			fail(c, 400, "", "expand", "This property cannot be expanded ("+path+").")
			return
		}
		form.Expand = append(form.Expand, path)
	}
	customer, ok := s.customers[form.Customer]
	if !ok {
		fail(c, 400, "resource_missing", "customer", "No such customer: '"+form.Customer+"'")
		return
	}
	if owner := method["customer"]; owner != nil && owner != form.Customer {
		fail(c, 400, "", "", "The payment method you provided has already been attached to a customer.")
		return
	}
	method["customer"] = form.Customer
	shown := maps.Clone(method)
	if slices.Contains(form.Expand, "customer") {
		shown["customer"] = customer
	}
	c.JSON(200, shown)
}

func (s *store) detach(c *gin.Context) {
	method := s.method(c)
	if method == nil {
		return
	}
	if method["customer"] == nil {
		fail(c, 400, "", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
		return
	}
	method["customer"] = nil
	c.JSON(200, method)
}

func (s *store) list(c *gin.Context) {
	id := c.Param("id")
	if id == "" {
		id = c.Query("customer")
	}
	data := []gin.H{}
	for _, each := range s.order {
		if s.methods[each]["customer"] == id {
			data = append(data, s.methods[each])
		}
	}
	c.JSON(200, gin.H{"object": "list", "data": data, "has_more": false, "url": c.Request.URL.Path})
}

func authenticate(c *gin.Context) {
	key, _, ok := c.Request.BasicAuth()
	if !ok {
		key = strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer ")
	}
	if !strings.HasPrefix(key, "sk_test_") {
		c.Header("WWW-Authenticate", `Bearer realm="Stripe"`)
		fail(c, 401, "", "", "Invalid API Key provided.")
	}
}

type recorder struct {
	gin.ResponseWriter
	written bytes.Buffer
}

func (r *recorder) Write(data []byte) (int, error) {
	r.written.Write(data)
	return r.ResponseWriter.Write(data)
}

// idempotent also takes one request after the other, which guards the maps.
func (s *store) idempotent(c *gin.Context) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, 1<<20))
	if err != nil {
		fail(c, 413, "", "", "The request body is too large.")
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	s.Lock()
	defer s.Unlock()
	key := c.GetHeader("Idempotency-Key")
	if key == "" || c.Request.Method != http.MethodPost {
		c.Next()
		return
	}
	if old, ok := s.answers[key]; ok {
		if old.path != c.Request.URL.Path || old.body != string(body) {
			c.AbortWithStatusJSON(400, gin.H{"error": gin.H{"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters they were first used with."}})
			return
		}
		c.Header("Idempotent-Replayed", "true")
		c.Data(old.status, "application/json; charset=utf-8", old.written)
		c.Abort()
		return
	}
	writer := &recorder{ResponseWriter: c.Writer}
	c.Writer = writer
	c.Next()
	s.answers[key] = answer{c.Request.URL.Path, string(body), writer.Status(), writer.written.Bytes()}
}

func main() {
	address := flag.String("addr", "127.0.0.1:8420", "the address to listen on")
	flag.Parse()
	s := &store{customers: map[string]gin.H{}, methods: map[string]gin.H{}, answers: map[string]answer{}}
	gin.SetMode(gin.ReleaseMode)
	router := gin.Default()
	router.HandleMethodNotAllowed = true
	router.Use(cors.Default(), gzip.Gzip(gzip.DefaultCompression), requestid.New(requestid.WithCustomHeaderStrKey("Request-Id")))
	router.NoRoute(func(c *gin.Context) {
		fail(c, 404, "", "", "Unrecognized request URL ("+c.Request.Method+": "+c.Request.URL.Path+").")
	})
	v1 := router.Group("/v1", authenticate, s.idempotent)
	v1.POST("/customers", s.createCustomer)
	v1.GET("/customers/:id", func(c *gin.Context) {
		if customer := s.customer(c); customer != nil {
			c.JSON(200, customer)
		}
	})
	v1.DELETE("/customers/:id", s.deleteCustomer)
	v1.GET("/customers/:id/payment_methods", s.list)
	v1.GET("/payment_methods", s.list)
	v1.POST("/payment_methods", s.createMethod)
	v1.GET("/payment_methods/:id", func(c *gin.Context) {
		if method := s.method(c); method != nil {
			c.JSON(200, method)
		}
	})
	v1.POST("/payment_methods/:id/attach", s.attach)
	v1.POST("/payment_methods/:id/detach", s.detach)
	log.Fatal(router.Run(*address))
}
