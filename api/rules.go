package api

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// rules are what the tag "api" says of a field of a body, for its check and for the
// OpenAPI document: required, nonempty (a string, or a list), min=n and max=n (a
// number). Object is for the document only: it says that a value which is kept as it
// is is one, or null if it is nullable.
type rules struct {
	required, nonempty, object, nullable bool
	min, max                             *int64
}

func rulesOf(f reflect.StructField) rules {
	var r rules
	for rule := range strings.SplitSeq(f.Tag.Get("api"), ",") {
		name, text, _ := strings.Cut(rule, "=")
		bound := func() *int64 {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("field %s: %v", f.Name, err)) // a test looks at all tags
			}
			return &n
		}
		switch name {
		case "":
		case "required":
			r.required = true
		case "nonempty":
			r.nonempty = true
		case "object":
			r.object = true
		case "nullable":
			r.nullable = true
		case "min":
			r.min = bound()
		case "max":
			r.max = bound()
		default:
			panic(fmt.Sprintf("field %s: there is no rule %q", f.Name, name))
		}
	}
	return r
}

// jsonName is the name of a field in JSON; empty if it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// check returns what is wrong with a body by the rules of its type.
func check(body reflect.Value, loc ...string) (problems []Problem) {
	t := body.Type()
	for i := range t.NumField() {
		f, ok := body.Field(i).Addr().Interface().(anyField)
		if !ok {
			continue
		}
		r, name := rulesOf(t.Field(i)), jsonName(t.Field(i))
		at := append(append([]string{}, loc...), name)
		if !f.has() {
			if r.required {
				problems = append(problems, Problem{at, fmt.Sprintf("missing field `%s`", name), "value_error.jsondecode"})
			}
			continue
		}
		value := f.content()
		if msg := r.violation(value); msg != "" {
			problems = append(problems, Problem{at, msg, "value_error"})
		}
		if value.Kind() == reflect.Struct && !isTime(value.Type()) {
			problems = append(problems, check(value, at...)...)
		}
	}
	return problems
}

// violation says what is wrong with a value; "" if nothing is.
func (r rules) violation(v reflect.Value) string {
	switch {
	case r.nonempty && v.Kind() == reflect.String && v.Len() == 0:
		return "it must not be empty"
	case r.nonempty && v.Kind() == reflect.Slice && v.Len() == 0:
		return "it must have at least one item"
	case r.min != nil && integer(v) < *r.min:
		return fmt.Sprintf("it must be %d at least", *r.min)
	case r.max != nil && integer(v) > *r.max:
		return fmt.Sprintf("it must be %d at most", *r.max)
	}
	return ""
}

// integer is the value of a whole number that fits.
func integer(v reflect.Value) int64 {
	if v.CanUint() {
		return int64(v.Uint())
	}
	return v.Int()
}

// isTime reports whether a type is that of times.
func isTime(t reflect.Type) bool { return t.ConvertibleTo(reflect.TypeFor[time.Time]()) }
