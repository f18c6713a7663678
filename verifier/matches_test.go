package verifier

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// spells is [Encoding.matches] as plainly as it can be written down: by a strict
// decoder.
func spells(e Encoding, text string, want []byte) bool {
	var got []byte
	var err error
	switch e {
	case Hex:
		got, err = hex.DecodeString(text)
	case Base64:
		got, err = base64.StdEncoding.Strict().DecodeString(text)
	case Base64URL:
		got, err = base64.RawURLEncoding.Strict().DecodeString(text)
	}
	// The decoders of base64 pass over line ends.
	return err == nil && !strings.ContainsAny(text, "\r\n") && bytes.Equal(got, want)
}

// TestMatches: of each length that a hash has, and others, the one spelling matches,
// and no other byte in any place of it does.
func TestMatches(t *testing.T) {
	for _, e := range []Encoding{Hex, Base64, Base64URL} {
		for _, size := range []int{0, 4, 8, 20, 28, 32, 36, 48, 52, 56, 60, 64} {
			want := make([]byte, size)
			for i := range want {
				want[i] = byte(i*151 + size)
			}
			text := e.encode(want)
			if e.matches(text, want) != 1 {
				t.Errorf("%s of %d bytes does not match", e, size)
			}
			for _, other := range []string{text + "=", text + "0", strings.TrimRight(text, "="), text[:len(text)/2]} {
				if other != text && e.matches(other, want) != 0 {
					t.Errorf("%s of %d bytes: %q matches", e, size, other)
				}
			}
			for i := range len(text) {
				for c := range 256 {
					changed := text[:i] + string([]byte{byte(c)}) + text[i+1:]
					if got := e.matches(changed, want) == 1; got != spells(e, changed, want) {
						t.Fatalf("%s of %d bytes: %q matches: %v", e, size, changed, got)
					}
				}
			}
			for i := range want {
				for bit := range 8 {
					want[i] ^= 1 << bit
					if e.matches(text, want) != 0 {
						t.Fatalf("%s of %d bytes: bit %d of byte %d does not count", e, size, bit, i)
					}
					want[i] ^= 1 << bit
				}
			}
		}
	}
	if Hex.matches("0102030405", []byte{1, 2, 3, 4, 5}) != 0 {
		t.Error("bytes after the last word were not looked at")
	}
	for _, e := range []Encoding{"", Text, PEM} {
		if e.matches("abcd", []byte("abcd")) != 0 {
			t.Errorf("%q compares", e)
		}
	}
}

// FuzzMatches: what matches is what a strict decoder makes of it.
func FuzzMatches(f *testing.F) {
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", make([]byte, 20))
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", make([]byte, 32))
	f.Add(strings.Repeat("aF", 64), bytes.Repeat([]byte{0xaf}, 64))
	f.Fuzz(func(t *testing.T, text string, want []byte) {
		want = want[:len(want)&^3] // a MAC has a multiple of four bytes
		for _, e := range []Encoding{Hex, Base64, Base64URL} {
			if got := e.matches(text, want) == 1; got != spells(e, text, want) {
				t.Errorf("%s: %q matches %x: %v", e, text, want, got)
			}
			if spelled := e.encode(want); e.matches(spelled, want) != 1 {
				t.Errorf("%s: %q does not match %x", e, spelled, want)
			}
		}
	})
}
