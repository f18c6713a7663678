package verifier_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// judges are the functions that hold an expected signature or a secret next to
// what was sent.
var judges = []string{"matches", "matchesToken", "differHex", "differBase64", "admits"}

// TestPitfall18ComparedInConstantTime reads the source: a function that holds an
// expected signature compares with crypto/subtle and with nothing else, but for
// lengths and for the names of items; and nothing in the package compares bytes
// otherwise. (pitfall 18) (S-19)
func TestPitfall18ComparedInConstantTime(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, subtle, seen := token.NewFileSet(), 0, map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "explain") {
			continue // explaining is for the operator, who has the secret
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			judge := slices.Contains(judges, f.Name.Name)
			seen[f.Name.Name] = true
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					switch called := spell(n.Fun); called {
					case "subtle.ConstantTimeCompare", "subtle.ConstantTimeEq":
						subtle++
						if !judge {
							t.Errorf("%s compares; add it to the functions that are looked at", fset.Position(n.Pos()))
						}
					case "bytes.Equal", "bytes.Compare", "bytes.HasPrefix", "slices.Equal", "reflect.DeepEqual", "strings.Compare":
						t.Errorf("%s: %s takes as long as the bytes agree", fset.Position(n.Pos()), called)
					}
				case *ast.BinaryExpr:
					if judge && (n.Op == token.EQL || n.Op == token.NEQ) && !harmless(n.X) && !harmless(n.Y) {
						t.Errorf("%s: %s compares what may be secret", fset.Position(n.Pos()), n.Op)
					}
				}
				return true
			})
		}
	}
	for _, name := range judges {
		if !seen[name] {
			t.Errorf("there is no function %s any more: look at what has taken its place", name)
		}
	}
	if subtle < 2 {
		t.Errorf("%d comparisons in constant time; want one for MACs and one for tokens", subtle)
	}
}

// harmless reports whether an operand says nothing of a signature's bytes.
func harmless(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CallExpr:
		return spell(x.Fun) == "len"
	default:
		name := spell(x)
		return name == "nil" || strings.HasSuffix(name, ".item") || slices.Contains([]string{"Hex", "Base64", "Base64URL"}, name)
	}
}

// spell returns the text of a name, such as bytes.Equal.
func spell(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return spell(x.X) + "." + x.Sel.Name
	}
	return ""
}
