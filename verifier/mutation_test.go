package verifier_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// TestEveryFlippedBitIsRefused flips each bit of each signed header and of the
// body. What is left is a hex digit in its other letter case: the same signature.
// (S-11) (G-1)
func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, f := range append(fixtures(t), tokens(t)...) {
		digest := f.accepted(t, "as signed", f.header, f.message.Body).Digest
		_, signature := f.split(t)
		body := f.message.Body
		if f.scheme.Keys[0].Algorithm == verifier.Token {
			body = nil // a token signs none
		}
		flips, sameSignature, want, letters := 0, 0, 8*len(body), 0
		for name, lines := range f.header {
			if f.unsigned(name) && name != queryHeader {
				continue
			}
			value := []byte(lines[0])
			want += 8 * len(value)
			for bit := range 8 * len(value) {
				flips++
				changed := slices.Clone(value)
				changed[bit/8] ^= 1 << (bit % 8)
				h := with(f.header, name, string(changed))
				inSignature := name == f.signatureHeader() && bit/8 >= len(value)-len(signature)
				if f.encoding() == verifier.Hex && inSignature && bit%8 == 5 && value[bit/8] >= 'a' {
					sameSignature++
					if f.accepted(t, "letter case", h, f.message.Body).Digest != digest {
						t.Errorf("%s: another digest for another letter case", f.name)
					}
					continue
				}
				f.refused(t, "flipped bit in "+name, h, f.message.Body)
			}
		}
		for bit := range 8 * len(body) {
			flips++
			changed := slices.Clone(body)
			changed[bit/8] ^= 1 << (bit % 8)
			f.refused(t, "flipped bit in the body", f.header, changed, verifier.ErrInvalidSignature)
		}
		for _, c := range signature {
			if f.encoding() == verifier.Hex && c >= 'a' {
				letters++
			}
		}
		if flips != want || sameSignature != letters {
			t.Errorf("%s: %d bits were flipped, %d of them the case of a letter; want %d and %d", f.name, flips, sameSignature, want, letters)
		}
	}
}

// TestPitfall09SignedHeadersAreThereOnce: a header that counts is neither left out nor
// empty nor there twice, not even with the same value. (pitfall 9) (pitfall 15)
// (pitfall 28) (H-01, H-07)
func TestPitfall09SignedHeadersAreThereOnce(t *testing.T) {
	for _, f := range append(fixtures(t), tokens(t)...) {
		tampered := 0
		for name, lines := range f.header {
			if f.unsigned(name) {
				continue
			}
			good := lines[0]
			for _, test := range []struct {
				what  string
				lines []string
				want  error
			}{
				{"removed", nil, verifier.ErrMissingHeader},
				{"without a line", []string{}, verifier.ErrMissingHeader},
				{"empty", []string{""}, verifier.ErrMissingHeader},
				{"blank", []string{" \t "}, verifier.ErrMissingHeader},
				{"doubled", []string{good, good}, verifier.ErrMalformedHeader},
				{"good and bad", []string{good, "x"}, verifier.ErrMalformedHeader},
				{"bad and good", []string{"x", good}, verifier.ErrMalformedHeader},
				{"good and empty", []string{good, ""}, verifier.ErrMalformedHeader},
				{"empty and good", []string{"", good}, verifier.ErrMalformedHeader},
			} {
				h := f.header.Clone()
				if h[name] = test.lines; test.lines == nil {
					delete(h, name)
				}
				f.refused(t, name+" "+test.what, h, f.message.Body, test.want)
				tampered++
			}
			f.refused(t, name+" joined with itself", with(f.header, name, good+", "+good+", x"), f.message.Body)
		}
		want := 9 // the signature, and what is signed in headers of its own
		for _, ref := range []verifier.Ref{f.scheme.ID, f.scheme.Type, timeOf(f.scheme)} {
			if strings.HasPrefix(string(ref), "header:") {
				want += 9
			}
		}
		if tampered != want {
			t.Errorf("%s: %d headers were tampered with; want %d", f.name, tampered, want)
		}
	}
}

// TestPitfall47UnsignedHeadersAreNotBelieved: whatever they hold, the webhook is accepted
// and nothing of it is in the event. (pitfall 47) (pitfall 48) (pitfall 49)
// (T-05) (H-11)
func TestPitfall47UnsignedHeadersAreNotBelieved(t *testing.T) {
	for _, f := range fixtures(t) {
		want := f.accepted(t, "as signed", f.header, f.message.Body)
		names := []string{"X-Forwarded-For", "Content-Type", "Hookgate-Id", "Hookgate-Source", "X-Event-Id", "Twitch-Eventsub-Message-Type"}
		for _, name := range []string{f.scheme.UnsignedID, f.scheme.UnsignedType} {
			if name == "" {
				continue
			}
			if f.header.Get(name) == "" {
				t.Errorf("%s: %s is not sent", f.name, name)
			}
			names = append(names, name)
		}
		for _, name := range names {
			for _, lines := range [][]string{nil, {""}, {"evt_forged"}, {"a", "b"}, {"{id}\r\n\x00é"}} {
				if got := f.accepted(t, "tampered "+name, with(f.header, name, lines...), f.message.Body); got != want {
					t.Errorf("%s: %s %q: event %+v; want %+v", f.name, name, lines, got, want)
				}
			}
		}
	}
}

// TestValuesOfAnotherMessageAreRefused swaps each header of one message with that
// of another, both signed with the same secret.
func TestValuesOfAnotherMessageAreRefused(t *testing.T) {
	for _, f := range fixtures(t) {
		other := f.message
		other.ID, other.Timestamp, other.Body = "msg_other", noon.Add(-1e9), samples.JSON(f.scheme, "evt_other", samples.Type)
		theirs := f.sign(t, other)
		f.accepted(t, "the other message", theirs, other.Body)
		f.refused(t, "the other body", f.header, other.Body, verifier.ErrInvalidSignature)
		for name := range f.header {
			if !f.unsigned(name) || name == queryHeader {
				f.refused(t, "the other "+name, with(f.header, name, theirs[name]...), f.message.Body, verifier.ErrInvalidSignature)
			}
		}
	}
}

// TestAnotherSecretIsRefused: each verifier has its own secrets. (S-10)
func TestAnotherSecretIsRefused(t *testing.T) {
	for _, f := range fixtures(t) {
		secret, _ := samples.Secrets(f.scheme, 1)
		if f.item() == "v1a" {
			secret, _ = edKey(2)
		}
		_, err := newVerifier(t, f.scheme, secret).Verify(post(f.header), f.message.Body, noon)
		if reason(t, err) != verifier.ErrInvalidSignature {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// kin reports whether two schemes sign the same bytes in the same way, so that one
// secret is good for both, and only the headers differ.
func kin(a, b *fixture) bool {
	encodings := func(f *fixture) (common bool) {
		return slices.ContainsFunc(f.scheme.Encodings, func(e verifier.Encoding) bool { return slices.Contains(a.scheme.Encodings, e) })
	}
	format := func(f *fixture) verifier.TimeFormat {
		if f.scheme.Timestamp == nil {
			return ""
		}
		return f.scheme.Timestamp.Format
	}
	return a.scheme.Signed == b.scheme.Signed && a.scheme.BodySHA256 == b.scheme.BodySHA256 && format(a) == format(b) && encodings(b) &&
		a.scheme.Keys[0].Algorithm == b.scheme.Keys[0].Algorithm
}

// distinct leaves out those that are kin of an earlier one.
func distinct(all []*fixture) (some []*fixture) {
	for _, f := range all {
		if !slices.ContainsFunc(some, func(other *fixture) bool { return kin(f, other) }) {
			some = append(some, f)
		}
	}
	return some
}

// TestSchemesDoNotVouchForEachOther: no fixture verifies by another scheme with
// the same secret, but those that are one scheme under two names.
func TestSchemesDoNotVouchForEachOther(t *testing.T) {
	all := fixtures(t)
	for _, from := range all {
		for _, to := range all {
			if from.scheme.Name == to.scheme.Name || kin(from, to) {
				continue
			}
			h := http.Header{}
			for name, lines := range from.header {
				h[name] = lines
			}
			_, signature := from.split(t)
			before, _ := to.split(t)
			h[to.signatureHeader()] = []string{before + signature}
			for name, lines := range to.header {
				if h[name] == nil {
					h[name] = lines
				}
			}
			to.refused(t, "signed as "+from.name, h, from.message.Body)
		}
	}
}
