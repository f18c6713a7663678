package api

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// schemas are those of the OpenAPI document, by name.
type schemas map[string]object

// of returns the schema of a type, as a reference if it has a name. Rules are those of
// the field that has it.
func (s schemas) of(t reflect.Type, r rules) object {
	if content, ok := contentType(t); ok {
		o := r.bounds(s.of(content, r))
		if !r.required {
			o = nullable(o)
		}
		return o
	}
	switch {
	case t == reflect.TypeFor[jsontext.Value]() && r.object:
		o := object{"type": "object"}
		if r.nullable {
			o = nullable(o)
		}
		return o
	case isTime(t):
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.of(t.Elem(), r))
	case reflect.Struct:
		return s.reference(t)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), rules{})}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), rules{})}
	case reflect.String:
		o := object{"type": "string"}
		if all := values(t); all != nil {
			o["enum"] = all
		}
		return o
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Uint16:
		return object{"type": "integer", "minimum": 0, "maximum": 1<<16 - 1}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	default:
		panic(fmt.Sprintf("%s has no schema", t)) // a test writes the document
	}
}

// reference returns a reference to the schema of a struct, which it makes if there is
// none yet. In bodies of requests what is required is so by the rules; in answers what
// is always there is.
func (s schemas) reference(t reflect.Type) object {
	name := schemaName(t)
	reference := object{"$ref": "#/components/schemas/" + name}
	if _, ok := s[name]; ok {
		return reference
	}
	o := object{"type": "object"}
	s[name] = o
	properties := make(object)
	required := []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		field := jsonName(f)
		if field == "" {
			continue
		}
		r := rulesOf(f)
		properties[field] = s.of(f.Type, r)
		_, in := contentType(f.Type)
		if in && r.required || !in && !strings.Contains(f.Tag.Get("json"), ",omitzero") {
			required = append(required, field)
		}
	}
	o["properties"] = properties
	if len(required) > 0 {
		o["required"] = sorted(required)
	}
	return reference
}
