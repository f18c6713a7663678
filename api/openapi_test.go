package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/internal/pgserver"
)

// parsed reads JSON as the validator wants it.
func parsed(t testing.TB, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return v
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// specification is an OpenAPI document, and the schemas in it.
type specification struct {
	doc      obj
	compiler *jsonschema.Compiler
}

func newSpecification(t testing.TB, text []byte) *specification {
	t.Helper()
	s := &specification{compiler: jsonschema.NewCompiler()}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	if err := json.Unmarshal(text, &s.doc); err != nil {
		t.Fatal(err)
	}
	if err := s.compiler.AddResource("spec.json", parsed(t, text)); err != nil {
		t.Fatal(err)
	}
	return s
}

// operation finds an operation in the document.
func (s *specification) operation(r api.Route) obj {
	item, _ := s.doc["paths"].(obj)[r.Path].(obj)
	o, _ := item[strings.ToLower(r.Method)].(obj)
	return o
}

// validate checks a body by the schema that a part of the document refers to.
func (s *specification) validate(t testing.TB, what string, part any, body []byte) {
	t.Helper()
	content, _ := part.(obj)["content"].(obj)
	media, _ := content["application/json"].(obj)
	schema, _ := media["schema"].(obj)
	reference, ok := schema["$ref"].(string)
	if !ok {
		if len(body) > 0 && schema == nil {
			t.Errorf("%s: there is no body in the document, and the answer is %s", what, body)
		}
		return
	}
	compiled, err := s.compiler.Compile("spec.json" + reference)
	if err != nil {
		t.Fatalf("%s: %v", reference, err)
	}
	if err := compiled.Validate(parsed(t, body)); err != nil {
		t.Errorf("%s: %s\n%v", what, body, err)
	}
}

// resolve follows references.
func (s *specification) resolve(schema obj) obj {
	if reference, ok := schema["$ref"].(string); ok {
		return s.doc["components"].(obj)["schemas"].(obj)[strings.TrimPrefix(reference, "#/components/schemas/")].(obj)
	}
	return schema
}

// undocumented lists the fields of a body that its schema does not have.
func (s *specification) undocumented(schema obj, body any, at string) (unknown []string) {
	schema = s.resolve(schema)
	properties, has := schema["properties"].(obj)
	switch b := body.(type) {
	case obj:
		for name, value := range b {
			if !has {
				continue
			}
			next, ok := properties[name].(obj)
			if !ok {
				unknown = append(unknown, at+"."+name)
				continue
			}
			unknown = append(unknown, s.undocumented(next, value, at+"."+name)...)
		}
	case []any:
		if next, ok := schema["items"].(obj); ok && len(b) > 0 {
			unknown = s.undocumented(next, b[0], at+"[0]")
		}
	}
	return unknown
}

func document(t testing.TB, s *server) *specification {
	t.Helper()
	r := s.request("", "GET", "/openapi.json", nil)
	if r.status != 200 || r.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return newSpecification(t, r.body)
}

// The document is valid by the schema of OpenAPI 3.1, and has every route and no other.
func TestOpenAPIDocument(t *testing.T) {
	s := newServer(t, config{})
	d := document(t, s)
	meta := jsonschema.NewCompiler()
	if err := meta.AddResource("openapi.json", parsed(t, readFile(t, "testdata/openapi-3.1.json"))); err != nil {
		t.Fatal(err)
	}
	schema, err := meta.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	text := s.request("", "GET", "/openapi.json", nil).body
	if err := schema.Validate(parsed(t, text)); err != nil {
		t.Error(err)
	}
	if err := schema.Validate(parsed(t, []byte(`{"openapi":"3.1.0","info":{"title":"x"},"paths":{}}`))); err == nil {
		t.Error("a document without a version is valid, too")
	}
	n := 0
	for _, item := range d.doc["paths"].(obj) {
		n += len(item.(obj))
	}
	routes := api.Routes()
	if n != len(routes) {
		t.Errorf("%d operations, and %d routes", n, len(routes))
	}
	for _, r := range routes {
		o := d.operation(r)
		if o["operationId"] != r.Operation {
			t.Errorf("%s %s is %v, want %s", r.Method, r.Path, o["operationId"], r.Operation)
		}
		if _, public := o["security"]; public != (r.Access == api.Public) {
			t.Errorf("%s: public is %v", r.Operation, public)
		}
		if _, body := o["requestBody"]; body != r.In {
			t.Errorf("%s: there is a body: %v", r.Operation, body)
		}
	}
	for name := range d.doc["components"].(obj)["schemas"].(obj) {
		if _, err := d.compiler.Compile("spec.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is really answered, and what is really sent, is as the document says, and as
// that of Svix says, which the official SDKs are made from.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testAnswers(t, newServer(t, config{})) })
	t.Run("postgres", func(t *testing.T) { testAnswers(t, newServer(t, config{dsn: pgserver.Database(t)})) })
}

func testAnswers(t *testing.T, s *server) {
	receiver := newReceiver(t, nil)
	w := newWorld(t, s, receiver)
	ours, theirs := document(t, s), newSpecification(t, readFile(t, "testdata/svix-openapi.json"))
	for _, r := range api.Routes() {
		o := ours.operation(r)
		if r.In {
			body, err := json.Marshal(bodies[r.Operation](w))
			if err != nil {
				t.Fatal(err)
			}
			ours.validate(t, r.Operation+", request", o["requestBody"], body)
			if their := theirs.operation(r); their != nil {
				theirs.validate(t, r.Operation+", request by Svix", their["requestBody"], body)
			}
		}
		token := s.org
		if r.Access == api.Applications {
			token = w.full
		}
		w.checked(t, ours, theirs, r, token)
		if r.Method == http.MethodGet && slices.Contains(r.Query, "with_msg") {
			with := r
			with.Path += "?with_msg=true"
			got := w.call(t, with, token)
			ours.validate(t, r.Operation+" with messages", o["responses"].(obj)["200"], got.body)
		}
		if destroys(r) {
			w = newWorld(t, s, receiver)
		}
	}
	// Refusals, too.
	o := ours.operation(api.Routes()[0])["responses"].(obj)
	for status, body := range map[string]any{"401": nil, "409": obj{"name": "a", "uid": w.uid}, "422": obj{}, "413": strings.Repeat("x", 3<<20)} {
		token := s.org
		if status == "401" {
			token = ""
		}
		got := s.request(token, "POST", "/app", body)
		if strconv.Itoa(got.status) != status {
			t.Errorf("%d %s, want %s", got.status, got.body, status)
		}
		ours.validate(t, status, o[status], got.body)
	}
}

func (w *world) checked(t testing.TB, ours, theirs *specification, r api.Route, token string) {
	t.Helper()
	got := w.call(t, r, token)
	what := fmt.Sprintf("%s, %d", r.Operation, got.status)
	response, ok := ours.operation(r)["responses"].(obj)[strconv.Itoa(got.status)].(obj)
	if !ok || !slices.Contains(r.Statuses, got.status) {
		t.Errorf("%s is not in the document: %s", what, got.body)
		return
	}
	ours.validate(t, what, response, got.body)
	if r.Out != (len(got.body) > 0) {
		t.Errorf("%s: the body is %q", what, got.body)
	}
	if schema := api.SchemaName(r.Operation); schema != "" && len(got.body) > 0 {
		if unknown := ours.undocumented(obj{"$ref": "#/components/schemas/" + schema}, got.json(t), ""); len(unknown) > 0 {
			t.Errorf("%s: not in the document: %v", what, unknown)
		}
	}
	their := theirs.operation(r)
	if their == nil || r.Operation == "v1.health.get" { // Svix documents 204, and answers as we do
		return
	}
	response, ok = their["responses"].(obj)[strconv.Itoa(got.status)].(obj)
	if !ok {
		t.Errorf("%s is not in Svix's document", what)
		return
	}
	theirs.validate(t, what+" by Svix", response, got.body)
}

// notTaken is what we do not take of Svix's document, by operation: filters of the hosted
// service only, and what there is nothing to choose from here.
var notTaken = map[string][]string{
	"*":                       {"expanded_statuses"},
	"v1.application.list":     {"exclude_apps_with_no_endpoints", "exclude_apps_with_disabled_endpoints", "exclude_apps_with_svix_play_endpoints"},
	"v1.background-task.list": {"status", "task"},
}

// Whatever Svix's document lets callers send has a field, or a parameter, of ours.
func TestNothingOfSvixIsIgnored(t *testing.T) {
	s := newServer(t, config{})
	ours, theirs := document(t, s), newSpecification(t, readFile(t, "testdata/svix-openapi.json"))
	tested := 0
	for _, r := range api.Routes() {
		their := theirs.operation(r)
		if their == nil {
			continue
		}
		tested++
		takes := func(name string) bool {
			return slices.Contains(notTaken["*"], name) || slices.Contains(notTaken[r.Operation], name)
		}
		parameters, _ := their["parameters"].([]any)
		for _, p := range parameters {
			name := p.(obj)["name"].(string)
			if p.(obj)["in"] == "query" && !slices.Contains(r.Query, name) && !takes(name) {
				t.Errorf("%s: no parameter %s", r.Operation, name)
			}
		}
		fields := func(s *specification, o obj) obj {
			body, _ := o["requestBody"].(obj)
			if body == nil {
				return nil
			}
			schema := body["content"].(obj)["application/json"].(obj)["schema"].(obj)
			properties, _ := s.resolve(schema)["properties"].(obj)
			return properties
		}
		mine := fields(ours, ours.operation(r))
		for name := range fields(theirs, their) {
			if _, ok := mine[name]; !ok && !takes(name) {
				t.Errorf("%s: no field %s", r.Operation, name)
			}
		}
	}
	if tested < 40 {
		t.Errorf("only %d operations are Svix's", tested)
	}
}
