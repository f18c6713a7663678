// Package samples makes, for tests, what a webhook of any scheme needs: secrets, a
// body in which its id and type are found, the options without which it does not
// load. A new row of the table of schemes is tested with no word about it here.
package samples

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hookgate/hookgate/verifier"
)

// The values of a sample, as far as its scheme has a place for them.
const (
	ID   = "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g" // in a header
	Body = "evt_1"                           // the id in a body
	Type = "order.paid"                      // in a body
	URL  = "https://app.example.com/hooks"
)

// Secrets returns what verifies and what signs webhooks of a scheme, n of each: the
// same text but for pairs of keys.
func Secrets(s verifier.Scheme, n int) (public, private string) {
	form := s.Keys[0]
	switch form.Algorithm {
	case verifier.Ed25519, verifier.ECDSAP256, verifier.RSAPKCS1:
		return pair(form, n)
	}
	key := sha256.Sum256([]byte{byte(n)})
	text := form.Prefix
	switch form.Encoding {
	case verifier.Base64:
		text += base64.StdEncoding.EncodeToString(key[:24])
	case verifier.Base64URL:
		text += base64.RawURLEncoding.EncodeToString(key[:24])
	default: // text, and for hexadecimal as it should be
		text += hex.EncodeToString(key[:])
	}
	return text, text
}

var keys struct {
	sync.Mutex
	made map[string]crypto.Signer
}

// Key returns the n-th key of an algorithm, the same one each time.
func Key(a verifier.Algorithm, n int) crypto.Signer {
	keys.Lock()
	defer keys.Unlock()
	name := string(a) + strconv.Itoa(n)
	key, ok := keys.made[name]
	if !ok {
		key = must(generate(a))
		if keys.made == nil {
			keys.made = map[string]crypto.Signer{}
		}
		keys.made[name] = key
	}
	return key
}

// pair returns the halves of the n-th key of an algorithm.
func pair(form verifier.KeyForm, n int) (public, private string) {
	key := Key(form.Algorithm, n)
	if bare, ok := key.(ed25519.PrivateKey); ok && form.Encoding == verifier.Hex {
		return form.Prefix + hex.EncodeToString(bare.Public().(ed25519.PublicKey)), form.Prefix + hex.EncodeToString(bare)
	}
	spki, pkcs8 := must(x509.MarshalPKIXPublicKey(key.Public())), must(x509.MarshalPKCS8PrivateKey(key))
	if form.Encoding == verifier.PEM {
		block := func(kind string, der []byte) string {
			return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
		}
		return block("PUBLIC KEY", spki), block("PRIVATE KEY", pkcs8)
	}
	return form.Prefix + base64.StdEncoding.EncodeToString(spki), form.Prefix + base64.StdEncoding.EncodeToString(pkcs8)
}

func generate(a verifier.Algorithm) (crypto.Signer, error) {
	switch a {
	case verifier.ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case verifier.RSAPKCS1:
		return rsa.GenerateKey(rand.Reader, 2048)
	default:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Options returns what a scheme needs beside its secrets.
func Options(s verifier.Scheme) verifier.Options {
	o := verifier.Options{AllowWeak: Weak(s)}
	if strings.Contains(s.Signed, "{url}") {
		o.PublicURL = URL
	}
	return o
}

// Weak reports whether a scheme needs allow_weak.
func Weak(s verifier.Scheme) bool {
	a := s.Keys[0].Algorithm
	return a == verifier.HMACSHA1 || a == verifier.Token || !strings.Contains(s.Signed, "{body}") && s.BodySHA256 == ""
}

// Slow reports whether verifying costs arithmetic with long numbers.
func Slow(s verifier.Scheme) bool {
	a := s.Keys[0].Algorithm
	return a == verifier.Ed25519 || a == verifier.ECDSAP256 || a == verifier.RSAPKCS1
}

// JSON returns a body that has the id and the type where the scheme looks for them.
func JSON(s verifier.Scheme, id, typ string) []byte {
	var body any = map[string]any{"sample": id}
	for ref, value := range map[verifier.Ref]string{s.ID: id, s.Type: typ} {
		if path, ok := strings.CutPrefix(string(ref), "json:/"); ok {
			body = put(body, strings.Split(path, "/"), value)
		}
	}
	return must(json.Marshal(body))
}

func put(in any, path []string, value string) any {
	if len(path) == 0 {
		return value
	}
	members, ok := in.(map[string]any)
	if !ok {
		members = map[string]any{}
	}
	members[path[0]] = put(members[path[0]], path[1:], value)
	return members
}

// Event returns what is known of a webhook with this id in its header and [JSON] as
// its body.
func Event(s verifier.Scheme, id, bodyID, typ string) (e verifier.Event) {
	switch kind, _, _ := strings.Cut(string(s.ID), ":"); {
	case s.IDVaries:
	case kind == "json":
		e.ID = bodyID
	case kind != "":
		e.ID = id
	}
	if strings.HasPrefix(string(s.Type), "json:") {
		e.Type = typ
	}
	return e
}

// Address returns the URL to which a body is sent, with the query that the scheme
// signs.
func Address(s verifier.Scheme, body []byte) string {
	if !strings.Contains(s.Signed, "{query}") {
		return URL
	}
	query := "a=1"
	if name, ok := strings.CutPrefix(string(s.BodySHA256), "query:"); ok {
		sum := sha256.Sum256(body)
		query += "&" + name + "=" + hex.EncodeToString(sum[:])
	}
	return URL + "?" + query
}

// Request returns the request that carries these headers to an address.
func Request(address string, h http.Header) *verifier.Request {
	_, query, _ := strings.Cut(address, "?")
	return &verifier.Request{Method: http.MethodPost, Header: h, RawQuery: query}
}
