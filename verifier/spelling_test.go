package verifier_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// respellings are other texts of the same signature bytes.
func respellings(t *testing.T, encoding verifier.Encoding, signature string) map[string]string {
	t.Helper()
	if encoding == verifier.Hex {
		raw, err := hex.DecodeString(signature)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{
			"base64url":        base64.RawURLEncoding.EncodeToString(raw),
			"padded base64url": base64.URLEncoding.EncodeToString(raw),
			"raw bytes":        string(raw),
			"0x":               "0x" + signature,
			"colons":           signature[:2] + ":" + signature[2:],
			"space inside":     signature[:8] + " " + signature[8:],
			"hex of the hex":   hex.EncodeToString([]byte(signature)),
			"quoted":           `"` + signature + `"`,
			"escaped":          "%" + hex.EncodeToString([]byte(signature[:1])) + signature[1:],
			"full width":       strings.Replace(signature, signature[:1], "\uff10", 1),
		}
	}
	alphabet := base64Alphabet
	bare := strings.TrimRight(signature, "=")
	padding := strings.Repeat("=", -len(bare)&3)
	decode := base64.RawStdEncoding.DecodeString
	if encoding == verifier.Base64URL {
		alphabet, decode = strings.NewReplacer("+", "-", "/", "_").Replace(base64Alphabet), base64.RawURLEncoding.DecodeString
	}
	raw, err := decode(bare)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.IndexByte(alphabet, bare[len(bare)-1])
	all := map[string]string{
		"no padding":       bare,
		"more padding":     signature + "=",
		"a second padding": bare + padding + padding,
		"padding":          bare + padding,
		"space inside":     signature[:8] + " " + signature[8:],
		"tab inside":       signature[:8] + "\t" + signature[8:],
		"line feed inside": signature[:8] + "\n" + signature[8:],
		"line feed after":  signature + "\n",
		"return inside":    signature[:8] + "\r\n" + signature[8:],
		"escaped":          url.QueryEscape(signature),
		"base64 again":     base64.StdEncoding.EncodeToString([]byte(signature)),
		"upper case":       strings.ToUpper(signature),
		"lower case":       strings.ToLower(signature),
		"raw bytes":        string(raw),
		"quoted":           `"` + signature + `"`,
	}
	if other := strings.NewReplacer("+", "-", "/", "_", "-", "+", "_", "/").Replace(signature); other != signature {
		all["other alphabet"] = other
		all["other alphabet, no padding"] = strings.TrimRight(other, "=")
	}
	// The last character of 32 bytes has 2 bits that count for nothing, that of 64
	// bytes has 4.
	for spare := range 1 << (2 * len(padding)) {
		if c := alphabet[last|spare]; spare > 0 {
			all["spare bits "+string(c)] = bare[:len(bare)-1] + string(c) + signature[len(bare):]
		}
	}
	return all
}

// TestPitfall07SignatureHasOneSpelling: whatever a lenient decoder would make of it, only
// the scheme's own text of a signature is accepted; hex in either letter case,
// with the same digest. (pitfall 7) (S-07)
func TestPitfall07SignatureHasOneSpelling(t *testing.T) {
	for _, f := range fixtures(t) {
		// A signature in which the alphabets differ.
		for i := 0; f.encoding() != verifier.Hex; i++ {
			if _, signature := f.split(t); strings.ContainsAny(signature, "+/-_") {
				break
			}
			f.message.Body = append(f.message.Body, ' ')
			f.header = f.sign(t, f.message)
		}
		event := f.accepted(t, "as signed", f.header, f.message.Body)
		_, signature := f.split(t)
		all := respellings(t, f.encoding(), signature)
		for name, text := range all {
			if text == signature {
				continue
			}
			f.refused(t, name, f.resigned(t, text), f.message.Body)
			if l := f.scheme.Signature[0]; l.List != "" && !strings.Contains(text, l.List) {
				// Beside one that could be right the length does not give it away.
				wrong := l.List + f.item() + l.Pair + otherText(signature)
				f.refused(t, name+" beside another", f.resigned(t, text+wrong), f.message.Body, verifier.ErrInvalidSignature)
			}
		}
		if f.encoding() != verifier.Hex && all["other alphabet"] == "" {
			t.Errorf("%s: no signature was spelled in another alphabet", f.name)
		}
		for name, text := range map[string]string{"upper": strings.ToUpper(signature), "mixed": strings.ToUpper(signature[:8]) + signature[8:]} {
			if f.encoding() != verifier.Hex {
				continue
			}
			if got := f.accepted(t, name+" case", f.resigned(t, text), f.message.Body); got != event {
				t.Errorf("%s: %s case: event %+v; want %+v", f.name, name, got, event)
			}
		}
	}
}

// TestBase64URLHasOneSpelling, without padding. (pitfall 7)
func TestBase64URLHasOneSpelling(t *testing.T) {
	s := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) {
		versioned(s)
		s.Encodings = []verifier.Encoding{verifier.Base64URL}
	})
	body := []byte("{}")
	g, v := newSigner(t, s, testSecret(s)), newVerifier(t, s, testSecret(s))
	value := sign(t, g, verifier.Message{Body: body}).Get("X-Signature")
	for !strings.ContainsAny(value, "-_") {
		body = append(body, ' ')
		value = sign(t, g, verifier.Message{Body: body}).Get("X-Signature")
	}
	std := strings.NewReplacer("-", "+", "_", "/").Replace(value)
	texts := map[string]string{"standard alphabet": std, "padded": value + "=", "standard and padded": std + "=", "line feed": value[:9] + "\n" + value[9:]}
	last := strings.IndexByte(base64Alphabet, std[len(std)-1])
	for spare := 1; spare < 4; spare++ {
		texts["spare bits "+string(base64Alphabet[last|spare])] = value[:len(value)-1] + string(base64Alphabet[last|spare])
	}
	for name, text := range texts {
		for _, list := range []string{text, text + "," + value[:3] + other(value[3]) + value[4:]} {
			if _, err := v.Verify(post(http.Header{"X-Signature": {list}}), body, noon); err == nil && text != value {
				t.Errorf("%s: %q is accepted", name, list)
			}
		}
	}
	if _, err := v.Verify(post(http.Header{"X-Signature": {value}}), body, noon); err != nil {
		t.Error(err)
	}
}

// TestEncodingIsToldByLength: of the two encodings Travelbase may have, each is
// accepted under its own length; other schemes take the one they have. (pitfall 7)
func TestEncodingIsToldByLength(t *testing.T) {
	for _, f := range fixtures(t) {
		_, signature := f.split(t)
		var text string
		if f.encoding() == verifier.Hex {
			raw, err := hex.DecodeString(signature)
			if err != nil {
				t.Fatal(err)
			}
			text = base64.StdEncoding.EncodeToString(raw)
		} else {
			decode := base64.StdEncoding.DecodeString
			if f.encoding() == verifier.Base64URL {
				decode = base64.RawURLEncoding.DecodeString
			}
			raw, err := decode(signature)
			if err != nil {
				t.Fatal(err)
			}
			text = hex.EncodeToString(raw)
		}
		if f.scheme.Name == "travelbase" {
			f.accepted(t, "the other encoding", f.resigned(t, text), f.message.Body)
		} else {
			f.refused(t, "the other encoding", f.resigned(t, text), f.message.Body)
		}
	}
}
