package verifier_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// TestEveryFlippedBitIsRefused flips each bit of each signed header and of the
// body. What is left is a hex digit in its other letter case: the same signature.
// (S-11) (G-1)
func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, f := range fixtures(t) {
		digest := f.accepted(t, "as signed", f.header, f.message.Body).Digest
		_, signature := f.split(t)
		flips, sameSignature, want, letters := 0, 0, 8*len(f.message.Body), 0
		for name, lines := range f.header {
			if f.unsigned(name) {
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
				if f.scheme.Encodings[0] == verifier.Hex && inSignature && bit%8 == 5 && value[bit/8] >= 'a' {
					sameSignature++
					if f.accepted(t, "letter case", h, f.message.Body).Digest != digest {
						t.Errorf("%s: another digest for another letter case", f.name)
					}
					continue
				}
				f.refused(t, "flipped bit in "+name, h, f.message.Body)
			}
		}
		for bit := range 8 * len(f.message.Body) {
			flips++
			changed := slices.Clone(f.message.Body)
			changed[bit/8] ^= 1 << (bit % 8)
			f.refused(t, "flipped bit in the body", f.header, changed, verifier.ErrInvalidSignature)
		}
		for _, c := range signature {
			if f.scheme.Encodings[0] == verifier.Hex && c >= 'a' {
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
	tampered := 0
	for _, f := range fixtures(t) {
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
	}
	// svix and standard 3 headers, twice for v1a; travelbase 2, twice; slack 2;
	// the others 1.
	if want := 9 * (3*3 + 2*2 + 2 + 3); tampered != want {
		t.Errorf("%d headers were tampered with; want %d", tampered, want)
	}
}

// TestPitfall47UnsignedHeadersAreNotBelieved: whatever they hold, the webhook is accepted
// and nothing of it is in the event. (pitfall 47) (pitfall 48) (pitfall 49)
// (T-05) (H-11)
func TestPitfall47UnsignedHeadersAreNotBelieved(t *testing.T) {
	for _, f := range fixtures(t) {
		want := f.accepted(t, "as signed", f.header, f.message.Body)
		names := []string{"X-Forwarded-For", "Content-Type", "Content-Encoding", "Hookgate-Id", "Hookgate-Source", "X-Event-Id", "Twitch-Eventsub-Message-Type"}
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
		other.ID, other.Timestamp, other.Body = "msg_other", noon.Add(-1e9), []byte(`{"id":"evt_other"}`)
		theirs := sign(t, f.signer, other)
		f.accepted(t, "the other message", theirs, other.Body)
		f.refused(t, "the other body", f.header, other.Body, verifier.ErrInvalidSignature)
		for name := range f.header {
			if !f.unsigned(name) {
				f.refused(t, "the other "+name, with(f.header, name, theirs[name]...), f.message.Body, verifier.ErrInvalidSignature)
			}
		}
	}
}

// TestAnotherSecretIsRefused: each verifier has its own secrets. (S-10)
func TestAnotherSecretIsRefused(t *testing.T) {
	for _, f := range fixtures(t) {
		secret := otherSecret(f.scheme, f.secret)
		if f.item() == "v1a" {
			secret, _ = edKey(2)
		}
		_, err := newVerifier(t, f.scheme, secret).Verify(post(f.header), f.message.Body, noon)
		if reason(t, err) != verifier.ErrInvalidSignature {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// TestSchemesDoNotVouchForEachOther: no fixture verifies by another scheme with
// the same secret, but those that are one scheme under two names.
func TestSchemesDoNotVouchForEachOther(t *testing.T) {
	family := map[string]string{"svix": "svix", "standard": "svix", "travelbase": "travelbase"}
	all := fixtures(t)
	for _, from := range all {
		for _, to := range all {
			if kin := family[from.scheme.Name]; from.scheme.Name == to.scheme.Name || kin != "" && kin == family[to.scheme.Name] {
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
