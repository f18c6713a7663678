package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostileTexts are what a sender might put where an operator reads it.
var hostileTexts = []string{
	"", "plain", "ünï", "日本", "tab\there", "line\nbreak", "\x1b[2J\x1b]0;owned\a", "\r\x1b[1A", "c1 \u009b31m", "del\x7f",
	"bidi \u202e\u2066", "zero\u200bwidth", "\xff\xfe\x9b31m", "nul\x00", "\U000e0001tag", "\ufeffbom", `back\slash`, "a\u0085b\u2028c",
}

// prints reports whether a terminal shows a text and obeys nothing in it.
func prints(text, leave string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune(leave, r) })
}

// TestSafe: what is printed are characters that print, and of what prints nothing is
// changed.
func TestSafe(t *testing.T) {
	for _, text := range hostileTexts {
		if got := safe(text); !prints(got, "") {
			t.Errorf("%q is printed as %q", text, got)
		} else if prints(text, "") && got != text {
			t.Errorf("%q has become %q", text, got)
		}
		if got := safeLines(text); !prints(got, "\n\t") || strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
	for text, want := range map[string]string{"\x1b[2J": `\x1b[2J`, "\u009b": `\u009b`, "\x9b": `\x9b`, "\u202e": `\u202e`, "\U000e0001": `\U000e0001`} {
		if got := safe(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}

// TestSafeJSON: it prints, and means what it meant.
func TestSafeJSON(t *testing.T) {
	for _, text := range hostileTexts {
		var document bytes.Buffer
		encoder := json.NewEncoder(&document)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		var want, got map[string]string
		if err := json.Unmarshal(document.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		printed := safeJSON(document.Bytes())
		if err := json.Unmarshal([]byte(printed), &got); err != nil || !prints(printed, "\n") {
			t.Errorf("%q: %q: %v", text, printed, err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%q has become %q", value, got[name])
			}
		}
	}
}

// FuzzSafe: nothing that a terminal obeys gets through.
func FuzzSafe(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := safe(text); !prints(got, "") {
			t.Errorf("%q is printed as %q", text, got)
		}
		if got := safeJSON([]byte(text)); !prints(got, "\n") {
			t.Errorf("%q is printed as %q", text, got)
		}
	})
}
