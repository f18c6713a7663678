package verifier

import (
	"strings"
	"testing"
)

// TestVisible: each byte in each place of texts around the length of a word.
func TestVisible(t *testing.T) {
	for _, end := range []byte{0, '.', '!', '~', 'a'} {
		for size := range 26 {
			text := strings.Repeat("b", size)
			if !visible(text, end) {
				t.Errorf("%d bytes without %q are refused", size, end)
			}
			for at := range size {
				for c := range 256 {
					changed := text[:at] + string([]byte{byte(c)}) + text[at+1:]
					if want := '!' <= c && c <= '~' && byte(c) != end; visible(changed, end) != want {
						t.Fatalf("%q without %q: %v", changed, end, !want)
					}
				}
			}
		}
	}
}

// TestPlainName: at most 256 bytes, and not none.
func TestPlainName(t *testing.T) {
	for size, want := range map[int]bool{0: false, 1: true, maxName: true, maxName + 1: false} {
		if plainName(strings.Repeat("a", size), '.') != want {
			t.Errorf("a name of %d bytes: %v", size, !want)
		}
	}
}
