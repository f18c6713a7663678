package hookgate_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/gateway"
)

// TestREADME holds what README.md repeats: the rows of the refusal table, in their
// order, and the receiver among the examples.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := page{"README.md", string(text)}
	rows := readme.table(t, "## What is refused")
	refusals := gateway.Refusals()
	if len(rows) != len(refusals) {
		t.Fatalf("%d refusals are documented, there are %d", len(rows), len(refusals))
	}
	types := map[string]string{}
	for _, row := range rows {
		types[strings.Trim(row[2], "`")] = row[1]
	}
	for _, r := range refusals {
		if types[r.Type] != strconv.Itoa(r.Status) {
			t.Errorf("%s is documented with status %q, it is %d", r.Type, types[r.Type], r.Status)
		}
	}
	receiver, err := os.ReadFile("examples/node/receiver.mjs")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(receiver), "\n") // without its title
	if !strings.Contains(readme.text, "```js\n"+code+"```") {
		t.Error("the receiver in README.md is not examples/node/receiver.mjs")
	}
}
