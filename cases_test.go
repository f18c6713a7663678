package hookgate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testsByFolder returns the names of all tests and fuzz targets, "folder.Name", and
// those whose comments name a case, by the case.
func testsByFolder(t *testing.T) (all map[string]bool, naming map[string][]string) {
	t.Helper()
	all, naming = map[string]bool{}, map[string][]string{}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)((?:^//.*\n)*)^func ((?:Test|Fuzz)\w+)\(`)
	named := regexp.MustCompile(`\(((?:pitfalls? \d|[A-Z]-\d\d\b)[^()]*)\)`)
	deepest, err := filepath.Glob("*/*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Concat(files, deeper, deepest) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range function.FindAllStringSubmatch(string(text), -1) {
			name := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file))+"."+found[2], "..")
			all[name] = true
			comment := strings.ReplaceAll(found[1], "\n//", "")
			for _, group := range named.FindAllStringSubmatch(comment, -1) {
				for _, id := range cases(group[1]) {
					naming[id] = append(naming[id], name)
				}
			}
		}
	}
	return all, naming
}

// cases returns the ids in a list such as "S-01, H-05; pitfalls 7 and 8".
func cases(list string) (ids []string) {
	ids = regexp.MustCompile(`\b[A-Z]-\d\d\b`).FindAllString(list, -1)
	for _, pitfalls := range regexp.MustCompile(`pitfalls? ([\d, and]+)`).FindAllStringSubmatch(list, -1) {
		for _, number := range regexp.MustCompile(`\d+`).FindAllString(pitfalls[1], -1) {
			ids = append(ids, "pitfall-"+number)
		}
	}
	return ids
}

// TestCases: the list in testdata/cases.txt is whole, every test that it names
// exists, every test that says it holds a case is listed there, and a case without
// one has its reason.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, naming := testsByFolder(t)
	listed := map[string][]string{}
	var order []string
	heading := regexp.MustCompile(`^([A-Z]-\d\d|pitfall-\d+): \S.*$`)
	for n, line := range strings.Split(string(text), "\n") {
		entry, indented := strings.CutPrefix(line, "\t")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !indented:
			found := heading.FindStringSubmatch(line)
			if found == nil {
				t.Fatalf("line %d: %q is no case", n+1, line)
			}
			if _, twice := listed[found[1]]; twice {
				t.Errorf("line %d: %s is there twice", n+1, found[1])
			}
			order = append(order, found[1])
			listed[found[1]] = nil
		case len(order) == 0:
			t.Fatalf("line %d: an entry before the first case", n+1)
		default:
			id := order[len(order)-1]
			if !strings.HasPrefix(entry, "- ") && !all[entry] {
				t.Errorf("line %d: there is no test %s", n+1, entry)
			}
			listed[id] = append(listed[id], entry)
		}
	}
	for letter, count := range map[string]int{
		"S": 20, "H": 15, "T": 19, "B": 20, "K": 17, "F": 22, "C": 6, "U": 21, "L": 10, "R": 7, "E": 25, "P": 22, "X": 7,
	} {
		for i := range count {
			wantCase(t, listed, letter+"-"+strconv.Itoa(100 + i + 1)[1:])
		}
	}
	for i := range 55 {
		wantCase(t, listed, "pitfall-"+strconv.Itoa(i+1))
	}
	if len(listed) != 211+55 {
		t.Errorf("%d cases are listed, not 211 and 55 pitfalls", len(listed))
	}
	for id, names := range naming {
		entries, known := listed[id]
		for _, name := range names {
			// Goals of measurements have ids of the same form, which are not listed.
			if known && !slices.Contains(entries, name) {
				t.Errorf("%s says that it holds %s, where testdata/cases.txt does not list it", name, id)
			}
		}
	}
}

// wantCase fails unless the case has tests, or one reason in their place.
func wantCase(t *testing.T, listed map[string][]string, id string) {
	t.Helper()
	entries := listed[id]
	reasons := 0
	for _, entry := range entries {
		if strings.HasPrefix(entry, "- ") {
			reasons++
		}
	}
	if len(entries) == 0 || reasons > 0 && len(entries) > 1 {
		t.Errorf("%s has neither tests nor one reason: %q", id, entries)
	}
}
