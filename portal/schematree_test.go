package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// outline is a tree in one line for each node.
func outline(n *schemaNode, depth int) string {
	line := strings.Repeat("  ", depth) + n.Name + ":" + n.Type
	if n.Required {
		line += "!"
	}
	if n.Description != "" {
		line += " (" + n.Description + ")"
	}
	if len(n.Notes) > 0 {
		line += " [" + strings.Join(n.Notes, "; ") + "]"
	}
	if n.Cut {
		line += " …"
	}
	line += "\n"
	for _, child := range n.Children {
		line += outline(child, depth+1)
	}
	return line
}

func TestSchemaTree(t *testing.T) {
	for name, tt := range map[string]struct{ schema, want string }{
		"anything": {`true`, ":any\n"},
		"nothing":  {`false`, ":never\n"},
		"members in their order": {
			`{"title":"A thing","type":"object","required":["b"],"properties":{"z":{"type":"string","format":"date-time"},"b":{"type":["integer","null"],"description":"how many","minimum":1,"maximum":9.5},"a":true}}`,
			":object (A thing)\n  z:string [date-time]\n  b:integer or null! (how many) [at least 1; at most 9.5]\n  a:any\n",
		},
		"kinds that are not said": {`{"properties":{"a":{"items":{"enum":["x",1,null]}},"b":{"const":"y"}}}`, ":object\n  a:array\n    each item:any [one of \"x\", 1, null]\n  b:any [always \"y\"]\n"},
		"items one by one":        {`{"type":"array","items":[{"type":"string"},{"type":"number"}],"minItems":2,"maxItems":3}`, ":array [fewest 2; most 3]\n  item 1:string\n  item 2:number\n"},
		"other members":           {`{"type":"object","patternProperties":{"^x-":{"type":"string"}},"additionalProperties":{"type":"number","default":0}}`, ":object\n  /^x-/:string\n  any other:number [default 0]\n"},
		"no other members":        {`{"type":"object","additionalProperties":false}`, ":object\n"},
		"choices":                 {`{"oneOf":[{"type":"string","minLength":1,"maxLength":2,"pattern":"a+"},{"type":"null","deprecated":true}],"anyOf":[true],"allOf":[{"type":"number"}]}`, ":any\n  and:number\n  any of:any\n  one of:string [pattern a+; shortest 1; longest 2]\n  one of:null [deprecated]\n"},
		"references": {
			`{"properties":{"a":{"$ref":"#/definitions/a~1b","description":"mine"},"c":{"$ref":"#/definitions/none"},"d":{"$ref":"#/$defs/d"}},"definitions":{"a/b":{"type":"string","description":"theirs"}},"$defs":{"d":{"type":"number"}}}`,
			":object\n  a:string (mine)\n  c:#/definitions/none\n  d:number\n",
		},
		"itself":         {`{"type":"object","properties":{"next":{"$ref":"#"}}}`, ":object\n  next:object\n    next:# …\n"},
		"in a circle":    {`{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}`, ":#/definitions/a …\n"},
		"other meanings": {`{"type":"object","deprecated":"soon","title":"T","properties":{"a":{"type":"string","nullable":true}}}`, ":object (T)\n  a:string\n"},
		"marks":          {`{"type":"object","properties":{"a\u202eb":{"type":"string","description":"c\u202ed"}}}`, ":object\n  a\uFFFDb:string (c\uFFFDd)\n"},
	} {
		versions, more, err := readVersions(json.RawMessage(`{"1":` + tt.schema + `}`))
		if err != nil || more || len(versions) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		if got := outline(versions[0].Root, 0); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}

// Many choices are listed in part.
func TestManyChoices(t *testing.T) {
	n := new(schemaNode)
	n.describe(&schemaWords{Enum: make([]json.RawMessage, 30)})
	if got := n.Notes[0]; strings.Count(got, ",") != mostChoices || !strings.HasSuffix(got, "…") {
		t.Error(got)
	}
}

// The newest version comes first, and so many are shown.
func TestVersions(t *testing.T) {
	parts := make([]string, 0, 14)
	for i := range 12 {
		parts = append(parts, fmt.Sprintf(`"%d":{"examples":[{"n":%d},2]}`, i, i))
	}
	parts = append(parts, `"beta":{}`, `"alpha":true`)
	versions, more, err := readVersions(json.RawMessage("{" + strings.Join(parts, ",") + "}"))
	if err != nil || !more || len(versions) != mostVersions || versions[0].Version != "11" || versions[1].Version != "10" || versions[9].Version != "2" {
		t.Errorf("%+v %v %v", versions, more, err)
	}
	if got := versions[0].Examples; len(got) != 2 || got[0] != "{\n  \"n\": 11\n}" || got[1] != "2" {
		t.Errorf("%q", got)
	}
	named, more, err := readVersions(json.RawMessage(`{"beta":{},"1":{},"alpha":true}`))
	if err != nil || more || named[0].Version != "1" || named[1].Version != "beta" || named[2].Version != "alpha" || named[2].Examples != nil {
		t.Errorf("%+v %v", named, err)
	}
	if none, more, err := readVersions(nil); none != nil || more || err != nil {
		t.Errorf("%v %v", none, err)
	}
}

func nodes(n *schemaNode) int {
	all := 1
	for _, child := range n.Children {
		all += nodes(child)
	}
	return all
}

// However a schema refers to itself, its tree is bounded, and says that it is not whole.
func TestSchemaTreesAreBounded(t *testing.T) {
	var doubling, wide strings.Builder
	doubling.WriteString(`{"$ref":"#/definitions/d0","definitions":{`)
	for i := range 30 {
		fmt.Fprintf(&doubling, `"d%d":{"properties":{"a":{"$ref":"#/definitions/d%d"},"b":{"$ref":"#/definitions/d%d"}}},`, i, i+1, i+1)
	}
	doubling.WriteString(`"d30":true}}`)
	wide.WriteString(`{"properties":{"a":{"type":"string"}`)
	for i := range 10_000 {
		fmt.Fprintf(&wide, `,"p%d":{"type":"string"}`, i)
	}
	wide.WriteString(`}}`)
	deep := strings.Repeat(`{"properties":{"a":`, 100) + `true` + strings.Repeat(`}}`, 100)
	var long strings.Builder
	long.WriteString(`{"definitions":{"big":{"description":"` + strings.Repeat("x", 400_000) + `"}},"properties":{"a":true`)
	for i := range 3000 {
		fmt.Fprintf(&long, `,"p%d":{"$ref":"#/definitions/big"}`, i)
	}
	long.WriteString(`}}`)
	for name, schema := range map[string]string{"doubling": doubling.String(), "wide": wide.String(), "deep": deep, "long": long.String()} {
		versions, _, err := readVersions(json.RawMessage(`{"1":` + schema + `}`))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := nodes(versions[0].Root); n > mostNodes+1 {
			t.Errorf("%s: %d nodes", name, n)
		}
		if got := outline(versions[0].Root, 0); !strings.Contains(got, "…") {
			t.Errorf("%s: it does not say that it is cut", name)
		}
	}
}
