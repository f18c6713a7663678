package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// schemaVersion is a version of the schema of an event type.
type schemaVersion struct {
	Version  string
	Raw      string
	Examples []string
	Root     *schemaNode
}

const (
	// mostVersions is how many versions of an event type are shown, and mostExamples how
	// many examples of each.
	mostVersions, mostExamples = 10, 10
)

// readVersions reads the schemas of an event type: the newest version first. More says
// that there are older ones than are shown.
func readVersions(schemas json.RawMessage) (versions []schemaVersion, more bool, err error) {
	if len(schemas) == 0 {
		return nil, false, nil
	}
	var by map[string]json.RawMessage
	if err := json.Unmarshal(schemas, &by); err != nil {
		return nil, false, fmt.Errorf("reading schemas: %w", err)
	}
	names := make([]string, 0, len(by))
	for name := range by {
		names = append(names, name)
	}
	slices.SortFunc(names, newerVersion)
	t := &schemaTree{left: mostNodes}
	for _, name := range names[:min(len(names), mostVersions)] {
		t.root, t.known = by[name], make(map[string]map[string]json.RawMessage)
		versions = append(versions, schemaVersion{Version: visible(name), Raw: pretty(by[name]), Examples: examplesOf(by[name]), Root: t.node("", by[name], nil)})
	}
	return versions, len(names) > mostVersions, nil
}

// newerVersion orders versions: numbers before names, the highest first.
func newerVersion(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(y, x)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(b, a)
}

func examplesOf(schema json.RawMessage) (shown []string) {
	var s struct{ Examples []json.RawMessage }
	if json.Unmarshal(schema, &s) != nil {
		return nil // it is no object, or has something else of that name
	}
	for _, example := range s.Examples[:min(len(s.Examples), mostExamples)] {
		shown = append(shown, pretty(example))
	}
	return shown
}
