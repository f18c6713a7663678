package portal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// schemaNode is a part of a schema, as the tree shows it.
type schemaNode struct {
	Name, Type, Description string
	Required                bool
	// Notes are what else is known of the value: its format, bounds, choices.
	Notes    []string
	Children []*schemaNode
	// Cut says that there is more in it than the tree shows.
	Cut bool
}

const (
	// mostNodes is how large all trees of a page are together, and deepestNode how deep
	// they go.
	mostNodes, deepestNode = 2000, 16
	// mostChoices is how many choices of a value are listed, and longestText how much of a
	// text in a schema is shown, in bytes.
	mostChoices, longestText = 20, 2 << 10
)

// schemaTree makes the trees of a page.
type schemaTree struct {
	root json.RawMessage // what references are of
	left int             // how many nodes there may be still
	// known are the parts that references have led to.
	known map[string]map[string]json.RawMessage
}

// schemaWords are the words of a schema that the tree shows.
type schemaWords struct {
	Ref                  string          `json:"$ref"`
	Type                 json.RawMessage `json:"type"`
	Title                string          `json:"title"`
	Description          string          `json:"description"`
	Format               string          `json:"format"`
	Pattern              string          `json:"pattern"`
	Enum                 []json.RawMessage
	Const, Default       json.RawMessage
	Minimum, Maximum     json.RawMessage
	MinLength, MaxLength json.RawMessage
	MinItems, MaxItems   json.RawMessage
	Deprecated           json.RawMessage
	Required             []string
	Properties           json.RawMessage
	PatternProperties    json.RawMessage
	AdditionalProperties json.RawMessage
	Items                json.RawMessage
	AllOf, AnyOf, OneOf  []json.RawMessage
}

// node makes the tree of a schema. The way to it are the references that led there, and
// an empty text for each level. What is long counts as several nodes, as it is read again
// for each level.
func (t *schemaTree) node(name string, schema json.RawMessage, way []string) *schemaNode {
	n := &schemaNode{Name: brief(name), Type: "any"}
	t.left -= 1 + len(schema)>>12
	if !isObject(schema) {
		if string(bytes.TrimSpace(schema)) == "false" {
			n.Type = "never"
		}
		return n
	}
	var s schemaWords
	_ = json.Unmarshal(schema, &s) // it is valid; words with another meaning are left out
	if s.Ref != "" {
		return t.referred(n, &s, way)
	}
	n.describe(&s)
	t.grow(n, &s, append(slices.Clone(way), ""))
	return n
}

// referred makes the tree of what is referred to.
func (t *schemaTree) referred(n *schemaNode, s *schemaWords, way []string) *schemaNode {
	found, ok := t.pointed(s.Ref)
	if !ok || slices.Contains(way, s.Ref) || len(way) >= deepestNode {
		n.Type, n.Description, n.Cut = brief(s.Ref), brief(s.Description), ok
		return n
	}
	t.left++ // it is one node, not two
	to := t.node("", found, append(slices.Clone(way), s.Ref))
	to.Name = n.Name
	if s.Description != "" {
		to.Description = brief(s.Description)
	}
	return to
}

// pointed returns the part of the schema that a reference of the form #/a/b is to.
func (t *schemaTree) pointed(ref string) (at json.RawMessage, ok bool) {
	if ref == "#" {
		return t.root, true
	}
	if !strings.HasPrefix(ref, "#/") {
		return nil, false
	}
	end := strings.LastIndexByte(ref, '/')
	in, name := ref[:end], ref[end+1:]
	members, known := t.known[in]
	if !known {
		part, _ := t.pointed(in)
		_ = json.Unmarshal(part, &members) // what is no object has none
		t.known[in] = members
	}
	at, ok = members[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	return at, ok
}

// grow adds the parts of a schema.
func (t *schemaTree) grow(n *schemaNode, s *schemaWords, way []string) {
	add := func(name string, schema json.RawMessage, required bool) {
		if t.left <= 0 || len(way) >= deepestNode {
			n.Cut = true
			return
		}
		child := t.node(name, schema, way)
		child.Required = required
		n.Children = append(n.Children, child)
	}
	eachMember(s.Properties, func(name string, schema json.RawMessage) { add(name, schema, slices.Contains(s.Required, name)) })
	eachMember(s.PatternProperties, func(name string, schema json.RawMessage) { add("/"+name+"/", schema, false) })
	if isObject(s.AdditionalProperties) {
		add("any other", s.AdditionalProperties, false)
	}
	var each []json.RawMessage
	switch {
	case json.Unmarshal(s.Items, &each) == nil:
		for i, item := range each {
			add("item "+strconv.Itoa(i+1), item, false)
		}
	case isObject(s.Items):
		add("each item", s.Items, false)
	}
	for _, choice := range []struct {
		name string
		of   []json.RawMessage
	}{{"and", s.AllOf}, {"any of", s.AnyOf}, {"one of", s.OneOf}} {
		for _, schema := range choice.of {
			add(choice.name, schema, false)
		}
	}
}

func isObject(schema json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(schema), []byte("{"))
}

// eachMember calls do for the members of an object, in the order in which they are written.
func eachMember(object json.RawMessage, do func(string, json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(object))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return
		}
		do(fmt.Sprint(name), value)
	}
}

// describe says what the schema says of the value itself.
func (n *schemaNode) describe(s *schemaWords) {
	var one string
	var several []string
	switch {
	case json.Unmarshal(s.Type, &one) == nil && one != "":
		n.Type = one
	case json.Unmarshal(s.Type, &several) == nil && len(several) > 0:
		n.Type = strings.Join(several, " or ")
	case len(s.Properties) > 0:
		n.Type = "object"
	case len(s.Items) > 0:
		n.Type = "array"
	}
	n.Type = brief(n.Type)
	n.Description = brief(cmp.Or(s.Description, s.Title))
	note := func(what string, value json.RawMessage) {
		if len(value) > 0 {
			n.Notes = append(n.Notes, what+" "+brief(string(value)))
		}
	}
	if s.Format != "" {
		n.Notes = append(n.Notes, brief(s.Format))
	}
	if s.Pattern != "" {
		n.Notes = append(n.Notes, "pattern "+brief(s.Pattern))
	}
	note("always", s.Const)
	if len(s.Enum) > 0 {
		choices := make([]string, 0, mostChoices)
		for _, choice := range s.Enum[:min(len(s.Enum), mostChoices)] {
			choices = append(choices, brief(string(choice)))
		}
		if len(s.Enum) > mostChoices {
			choices = append(choices, "…")
		}
		n.Notes = append(n.Notes, "one of "+strings.Join(choices, ", "))
	}
	note("at least", s.Minimum)
	note("at most", s.Maximum)
	note("shortest", s.MinLength)
	note("longest", s.MaxLength)
	note("fewest", s.MinItems)
	note("most", s.MaxItems)
	note("default", s.Default)
	if string(s.Deprecated) == "true" {
		n.Notes = append(n.Notes, "deprecated")
	}
}

// brief is the beginning of a text, as people read it.
func brief(s string) string {
	if len(s) > longestText {
		s = strings.ToValidUTF8(s[:longestText], "") + "…"
	}
	return visible(s)
}
