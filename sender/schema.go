package sender

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const maxSchemas = 512 << 10

// checkSchemas checks the schemas of an event type: an object whose values are JSON
// Schemas, of draft 7 if they say nothing else.
func checkSchemas(text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	if len(text) > maxSchemas {
		return invalid("schemas", "they have more than %d bytes", maxSchemas)
	}
	var schemas map[string]json.RawMessage
	if err := json.Unmarshal(text, &schemas); err != nil {
		return invalid("schemas", "it has to be an object of schemas by version")
	}
	for version, schema := range schemas {
		if err := checkSchema(schema); err != nil {
			return invalid("schemas."+version, "it is no JSON Schema of draft 7: %s", err)
		}
	}
	return nil
}

func checkSchema(text json.RawMessage) error {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(anyPattern)
	if err := c.AddResource(schemaURL, document); err != nil {
		return err
	}
	_, err = c.Compile(schemaURL)
	return err
}

const schemaURL = "urn:hookgate:schema"

// noLoader loads nothing: a schema does not make us read files, or connect to somebody.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a schema can refer to nothing but its own parts")
}

// anyPattern takes all patterns: those of JavaScript, which schemas have, are more than
// ours, and nothing is matched here.
func anyPattern(text string) (jsonschema.Regexp, error) { return pattern(text), nil }

type pattern string

func (p pattern) String() string { return string(p) }

func (p pattern) MatchString(text string) bool {
	re, err := regexp.Compile(string(p))
	return err != nil || re.MatchString(text)
}

// Example returns an example of the newest version of the schemas, from 0 on. If there is
// none the error is a [RefusedError].
func (t *EventType) Example(index int) (json.RawMessage, error) {
	var schemas map[string]struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(t.Schemas, &schemas); err != nil && len(t.Schemas) > 0 {
		return nil, fmt.Errorf("reading the schemas of %s: %w", t.Name, err)
	}
	newest, at := "", -1
	for version := range schemas {
		n, err := strconv.Atoi(version)
		if err == nil && n > at || at < 0 && version > newest {
			newest, at = version, max(n, at)
		}
	}
	examples := schemas[newest].Examples
	if index < 0 || index >= len(examples) {
		return nil, &RefusedError{Code: CodeInvalidScheme, Detail: fmt.Sprintf("The event type %s has no example %d", t.Name, index)}
	}
	return examples[index], nil
}
