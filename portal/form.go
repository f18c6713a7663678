package portal

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/hookgate/hookgate/sender"
)

// problems are what is wrong with the fields of a form, in words.
type problems map[string]string

// problemsOf returns what an error says of the fields of a form, by the name that package
// sender has for each; false, if it is about none of them.
func problemsOf(err error, fields ...string) (problems, bool) {
	var invalid *sender.InvalidError
	if !errors.As(err, &invalid) {
		return nil, false
	}
	for _, part := range invalid.Loc {
		if slices.Contains(fields, part) {
			return problems{part: upper(strings.TrimSuffix(invalid.Msg, ".")) + "."}, true
		}
	}
	return nil, false
}

// words are the parts of a text between commas and spaces; nil if there are none.
func words(text string) []string {
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// aboutOf is what an error says beside a field.
func aboutOf(err error) string {
	shown, _ := refusalOf(err)
	return shown.about
}
