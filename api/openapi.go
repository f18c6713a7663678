package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// object is an object of the OpenAPI document.
type object = map[string]any

// document writes the OpenAPI 3.1 document of the table of routes. Its schemas are made
// from the types that bodies are read into and written from.
func document() []byte {
	s := make(schemas)
	paths := make(object)
	for i := range routes {
		rt := &routes[i]
		item, ok := paths[Prefix+rt.path].(object)
		if !ok {
			item = make(object)
			paths[Prefix+rt.path] = item
		}
		item[strings.ToLower(rt.method)] = s.operation(rt)
	}
	s.of(reflect.TypeFor[Error](), rules{})
	s.of(reflect.TypeFor[ValidationError](), rules{})
	text, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Hookgate API", "version": "1",
			"description": "Applications, their endpoints, and the messages that are sent to these, in the wire format of Svix.",
		},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"bearer": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas":         s,
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
	})
	if err != nil {
		panic(err) // maps of texts always marshal
	}
	return text
}

func getDocument(c *call) (int, jsontext.Value, error) {
	return http.StatusOK, jsontext.Value(c.document()), nil
}

// operation describes a route.
func (s schemas) operation(rt *route) object {
	_, rest, _ := strings.Cut(rt.operation, ".")
	tag, _, _ := strings.Cut(rest, ".")
	responses := make(object)
	for _, status := range rt.statuses {
		response := object{"description": http.StatusText(status)}
		if rt.out != reflect.TypeFor[none]() {
			response["content"] = s.content(rt.out)
		}
		responses[strconv.Itoa(status)] = response
	}
	for _, status := range failures(rt) {
		failure := reflect.TypeFor[Error]()
		if status == http.StatusUnprocessableEntity {
			failure = reflect.TypeFor[ValidationError]()
		}
		if _, ok := responses[strconv.Itoa(status)]; !ok {
			responses[strconv.Itoa(status)] = object{"description": http.StatusText(status), "content": s.content(failure)}
		}
	}
	o := object{"operationId": rt.operation, "summary": rt.about, "tags": []string{tag}, "responses": responses}
	if parameters := parameters(rt); parameters != nil {
		o["parameters"] = parameters
	}
	if rt.in != reflect.TypeFor[none]() {
		o["requestBody"] = object{"required": true, "content": s.content(rt.in)}
	}
	if rt.access == Public {
		o["security"] = []object{}
	}
	return o
}

func (s schemas) content(t reflect.Type) object {
	return object{"application/json": object{"schema": s.of(t, rules{object: true})}}
}

// failures are the statuses that a route may refuse a call with.
func failures(rt *route) []int {
	all := []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if rt.access != Public {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden)
	}
	if strings.Contains(rt.path, "{") {
		all = append(all, http.StatusNotFound)
	}
	if rt.in != reflect.TypeFor[none]() {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusConflict)
	}
	if rt.access == Public {
		all = append(all, http.StatusUnauthorized) // of a code
	}
	return all
}

// parameters describes what is in the path, the query and the headers.
func parameters(rt *route) (all []object) {
	for part := range strings.SplitSeq(rt.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			all = append(all, object{"in": "path", "name": strings.TrimSuffix(name, "}"), "required": true, "schema": object{"type": "string"}})
		}
	}
	for _, p := range rt.params {
		o := object{"in": "query", "name": p.name, "description": p.about, "schema": p.schema()}
		if p.kind == "list" {
			o["style"], o["explode"] = "form", false
		}
		all = append(all, o)
	}
	if rt.method == http.MethodPost && rt.access != Public {
		all = append(all, object{"in": "header", "name": "idempotency-key", "description": "The request's idempotency key.", "schema": object{"type": "string"}})
	}
	return all
}

func (p param) schema() object {
	var o object
	switch p.kind {
	case "date-time":
		o = object{"type": "string", "format": "date-time"}
	case "list":
		o = object{"type": "array", "items": object{"type": "string"}}
	default:
		o = object{"type": p.kind}
	}
	if p.values != nil {
		values := make([]any, len(p.values))
		for i, v := range p.values {
			values[i] = v
			if n, err := strconv.Atoi(v); err == nil {
				values[i] = n
			}
		}
		o["enum"] = values
	}
	return o
}

// schemaName is the name of a type among the schemas.
func schemaName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Error]():
		return "HttpErrorOut"
	case reflect.TypeFor[ValidationError]():
		return "HTTPValidationError"
	}
	name, of, generic := strings.Cut(strings.TrimSuffix(t.Name(), "]"), "[")
	if generic {
		name += upper(of[strings.LastIndex(of, ".")+1:])
	}
	return upper(name)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// values lists what an enumerated type can be.
func values(t reflect.Type) []any {
	if t != reflect.TypeFor[Capability]() {
		return nil
	}
	all := make([]any, 0, len(Capabilities))
	for _, c := range Capabilities {
		all = append(all, c)
	}
	return all
}

// nullable makes a schema that null is valid for, too.
func nullable(o object) object {
	switch kind := o["type"].(type) {
	case string:
		o["type"] = []string{kind, "null"}
		return o
	case []string:
		return o
	}
	return object{"oneOf": []object{o, {"type": "null"}}}
}

// bounds adds what rules say of a value.
func (r rules) bounds(o object) object {
	kinds := fmt.Sprint(o["type"])
	if r.nonempty && strings.Contains(kinds, "string") {
		o["minLength"] = 1
	}
	if r.nonempty && strings.Contains(kinds, "array") {
		o["minItems"] = 1
	}
	if r.min != nil {
		o["minimum"] = *r.min
	}
	if r.max != nil {
		o["maximum"] = *r.max
	}
	return o
}

// sorted is for what has to be the same each time.
func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
