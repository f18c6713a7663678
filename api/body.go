package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBody is how large a body may be, in bytes.
const maxBody = 2 << 20

// none is the body of a request, or of an answer, that has none.
type none struct{}

// readBody reads the body of a request as an In. A body that is larger than maxBody,
// declared or not, is refused as such. If In needs nothing, no body is as good as
// an empty object; if In is none, whatever comes is not looked at.
func readBody[In any](w http.ResponseWriter, r *http.Request) (any, error) {
	in := new(In)
	if _, ok := any(in).(*none); ok {
		return in, nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge
	case err != nil:
		return nil, malformed("The body is incomplete.")
	}
	if err := parseBody(text, in); err != nil {
		return nil, err
	}
	return in, nil
}

// parseBody parses a body into a pointer to a struct of fields, and checks it.
func parseBody(text []byte, in any) error {
	if len(text) == 0 {
		text = []byte("{}")
	}
	if err := json.Unmarshal(text, in); err != nil {
		return undecodable(err)
	}
	if problems := check(reflect.ValueOf(in).Elem(), "body"); problems != nil {
		return &ValidationError{problems}
	}
	return nil
}

// undecodable says where a body is not what it has to be. It holds nothing of the body
// but names.
func undecodable(err error) error {
	var where jsontext.Pointer
	var msg string
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		where = semantic.JSONPointer
		switch kind := kindName(semantic.JSONKind); {
		case kind == "number" && isInteger(semantic.GoType):
			msg = "this number is out of range, or no whole one"
		case kind == "":
			msg = "this value is not possible here"
		default:
			msg = fmt.Sprintf("invalid type: %s is not possible here", kind)
		}
	case errors.As(err, &syntactic):
		where = syntactic.JSONPointer
		msg = fmt.Sprintf("this is no valid JSON, at byte %d", syntactic.ByteOffset)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			msg = "this name is there twice"
		}
	default:
		msg = "this is no valid JSON"
	}
	return invalid("value_error.jsondecode", msg, location(where)...)
}

// location writes a JSON pointer as the path of a problem.
func location(p jsontext.Pointer) []string {
	loc := []string{"body"}
	for token := range p.Tokens() {
		loc = append(loc, fmt.Sprintf("%.256s", strings.ToValidUTF8(token, "\uFFFD")))
	}
	return loc
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "map"
	case '[':
		return "sequence"
	}
	return ""
}

func isInteger(t reflect.Type) bool {
	return t != nil && (t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64)
}
