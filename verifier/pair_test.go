package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// spelledPair returns both halves of a key in an encoding of secrets.
func spelledPair(t testing.TB, private crypto.Signer, encoding verifier.Encoding) (publicText, privateText string) {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if encoding == verifier.PEM {
		return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))),
			strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	}
	return base64.StdEncoding.EncodeToString(public), base64.StdEncoding.EncodeToString(secret)
}

// pairOf is a scheme of one algorithm, whose keys are spelled in this way.
func pairOf(algorithm verifier.Algorithm, encoding verifier.Encoding) verifier.Scheme {
	return hmacOf("pair", "X-Signature", func(s *verifier.Scheme) {
		s.Signed, s.Timestamp = "{timestamp}{body}", &verifier.Timestamp{From: "header:X-Time", Format: verifier.Unix}
		s.Encodings = []verifier.Encoding{verifier.Base64}
		s.Keys = []verifier.KeyForm{{Encoding: encoding, Algorithm: algorithm}, {Encoding: encoding, Algorithm: algorithm, Private: true}}
	})
}

func ecdsaKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edPrivate(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPairsOfKeys: what the private half signs, the public half verifies, in every
// spelling of the keys; a changed byte is refused.
func TestPairsOfKeys(t *testing.T) {
	for algorithm, key := range map[verifier.Algorithm]crypto.Signer{
		verifier.ECDSAP256: ecdsaKey(t, elliptic.P256()), verifier.RSAPKCS1: rsaKey(t, 2048), verifier.Ed25519: edPrivate(t),
	} {
		for _, encoding := range []verifier.Encoding{verifier.PEM, verifier.Base64} {
			if algorithm == verifier.Ed25519 && encoding == verifier.Base64 {
				continue // bare bytes: see the v1a fixture
			}
			s := pairOf(algorithm, encoding)
			public, private := spelledPair(t, key, encoding)
			g, v := newSigner(t, s, private), newVerifier(t, s, public)
			body := []byte(`{"id":"a"}`)
			h := sign(t, g, verifier.Message{Timestamp: noon, Body: body})
			if _, err := v.Verify(post(h), body, noon); err != nil {
				t.Errorf("%s %s: %v", algorithm, encoding, err)
			}
			for at := range body {
				changed := append([]byte(nil), body...)
				changed[at] ^= 1
				if _, err := v.Verify(post(h), changed, noon); reason(t, err) != verifier.ErrInvalidSignature {
					t.Errorf("%s %s: a changed body: %v", algorithm, encoding, err)
				}
			}
			if _, err := v.Verify(post(with(h, "X-Time", "1795435201")), body, noon); reason(t, err) != verifier.ErrInvalidSignature {
				t.Errorf("%s %s: another time: %v", algorithm, encoding, err)
			}
		}
	}
}

// TestKeysOfPairsThatAreNone: a key of another kind, or one that is weak or too
// costly, does not load, and neither does the wrong half. (pitfall 16)
func TestKeysOfPairsThatAreNone(t *testing.T) {
	p256, p384, ed := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P384()), edPrivate(t)
	public := func(key crypto.Signer) string { text, _ := spelledPair(t, key, verifier.PEM); return text }
	ofBits := func(bits uint) string { // no key, but one for the looks of it
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1), E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	}
	private := func(key crypto.Signer) string { _, text := spelledPair(t, key, verifier.PEM); return text }
	for _, test := range []struct {
		algorithm verifier.Algorithm
		secret    string
		want      string
	}{
		{verifier.ECDSAP256, public(p384), "the key is of the curve P-384; this scheme has P-256"},
		{verifier.ECDSAP256, public(ed), "the key is not of ecdsa-p256-sha256"},
		{verifier.ECDSAP256, private(p256), "a private key signs and does not verify; give the public one"},
		{verifier.ECDSAP256, "-----BEGIN", "the secret is not one PEM block, -----BEGIN … to … END …-----"},
		{verifier.ECDSAP256, public(p256) + "\n" + public(p256), "the secret is not one PEM block, -----BEGIN … to … END …-----"},
		{verifier.ECDSAP256, strings.Replace(public(p256), "MF", "ME", 1), "the secret is no public key as X.509 has it (SPKI)"},
		{verifier.RSAPKCS1, public(p256), "the key is not of rsa-pkcs1-sha256"},
		{verifier.RSAPKCS1, ofBits(1024), "an RSA key of 1024 bits; it has to have 2048 to 4096"},
		{verifier.RSAPKCS1, ofBits(4104), "an RSA key of 4104 bits; it has to have 2048 to 4096"},
		{verifier.Ed25519, public(p256), "the key is not of ed25519"},
	} {
		_, err := verifier.New(pairOf(test.algorithm, verifier.PEM), []string{test.secret}, verifier.Options{})
		if fmt.Sprint(err) != "scheme pair: secret 1: "+test.want {
			t.Errorf("%s: %v; want %s", test.algorithm, err, test.want)
		}
	}
	_, err := verifier.NewSigner(pairOf(verifier.RSAPKCS1, verifier.PEM), []string{public(rsaKey(t, 2048))}, verifier.Options{})
	if want := "scheme pair: secret 1: a public key cannot sign; give the private one"; fmt.Sprint(err) != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// TestSignaturesOfPairsAreBounded: a text that can be no signature costs no
// arithmetic, whatever its length.
func TestSignaturesOfPairsAreBounded(t *testing.T) {
	for algorithm, key := range map[verifier.Algorithm]crypto.Signer{verifier.ECDSAP256: ecdsaKey(t, elliptic.P256()), verifier.RSAPKCS1: rsaKey(t, 2048)} {
		public, _ := spelledPair(t, key, verifier.PEM)
		v := newVerifier(t, pairOf(algorithm, verifier.PEM), public)
		for _, text := range []string{"A", "AAAA", strings.Repeat("A", 96), strings.Repeat("A", 344), strings.Repeat("A", 4<<20), strings.Repeat("!", 96), "MAYCAQECAQE="} {
			h := http.Header{"X-Time": {"1795435200"}, "X-Signature": {text}}
			if _, err := v.Verify(post(h), []byte("{}"), noon); reason(t, err) != verifier.ErrInvalidSignature {
				t.Errorf("%s: %.20s: %v", algorithm, text, err)
			}
		}
	}
}
