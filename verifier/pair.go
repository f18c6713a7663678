package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
)

// The bounds on what a key of a pair may be: below the least, RSA can be broken;
// above the most, a stranger could make us work.
const (
	minRSA   = 2048
	maxRSA   = 4096
	maxECDSA = 72 // bytes of the longest ASN.1 signature over P-256
)

// pair is a key of an algorithm whose keys come in pairs.
type pair struct {
	public  crypto.PublicKey
	private crypto.Signer // nil of a public key
}

// readPair reads one half of a pair. Its errors name the other half if that is the
// one that was meant.
func readPair(form KeyForm, key []byte, signing bool) (pair, error) {
	p, err := parsePair(form, key)
	switch {
	case form.Private && !signing && (err == nil || form.Prefix != ""):
		return pair{}, wrongHalf("a private key signs and does not verify; give the public one" + hint(form, "whpk_"))
	case err != nil:
		return pair{}, err
	case signing && !form.Private:
		return pair{}, wrongHalf("a public key cannot sign; give the private one" + hint(form, "whsk_"))
	}
	switch public := p.public.(type) {
	case ed25519.PublicKey:
		err = checkPoint(public)
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			err = fmt.Errorf("the key is of the curve %s; this scheme has P-256", public.Params().Name)
		}
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			err = fmt.Errorf("an RSA key of %d bits; it has to have %d to %d", bits, minRSA, maxRSA)
		}
	}
	return p, err
}

// wrongHalf is the error for a good key that is the other one of its pair.
type wrongHalf string

func (w wrongHalf) Error() string { return string(w) }

// hint names the prefix by which the other half of a pair is known.
func hint(form KeyForm, prefix string) string {
	if form.Prefix == "" {
		return ""
	}
	return " (" + prefix + ")"
}

func parsePair(form KeyForm, key []byte) (pair, error) {
	if form.Algorithm == Ed25519 && form.Encoding != PEM {
		return parseEd25519(form, key)
	}
	var p pair
	if form.Private {
		private, err := x509.ParsePKCS8PrivateKey(key)
		signer, ok := private.(crypto.Signer)
		if err != nil || !ok {
			return p, errors.New("the secret is no private key as PKCS #8 has it")
		}
		p.private, p.public = signer, signer.Public()
	} else {
		var err error
		if p.public, err = x509.ParsePKIXPublicKey(key); err != nil {
			return p, errors.New("the secret is no public key as X.509 has it (SPKI)")
		}
	}
	ok := false
	switch form.Algorithm {
	case Ed25519:
		_, ok = p.public.(ed25519.PublicKey)
	case ECDSAP256:
		_, ok = p.public.(*ecdsa.PublicKey)
	case RSAPKCS1:
		_, ok = p.public.(*rsa.PublicKey)
	}
	if !ok {
		return p, fmt.Errorf("the key is not of %s", form.Algorithm)
	}
	return p, nil
}

// parseEd25519 reads the bare bytes of a key, as providers of Ed25519 give them.
func parseEd25519(form KeyForm, key []byte) (pair, error) {
	want := ed25519.PublicKeySize
	if form.Private {
		want = ed25519.PrivateKeySize
	}
	if len(key) != want {
		return pair{}, fmt.Errorf("an Ed25519 key has %d bytes, this one has %d", want, len(key))
	}
	if !form.Private {
		return pair{public: ed25519.PublicKey(key)}, nil
	}
	private := ed25519.PrivateKey(key)
	return pair{public: private.Public(), private: private}, nil
}

// checkPoint refuses public keys that are no point of the curve, and points of low
// order, for which anyone can make signatures.
func checkPoint(key []byte) error {
	point, err := new(edwards25519.Point).SetBytes(key)
	if err != nil || point.MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("an Ed25519 key of low order, or no point of the curve: no one, or anyone, could sign for it")
	}
	return nil
}

// signatureSize is the length of a signature in bytes, 0 if it varies.
func (p *pair) signatureSize() int {
	switch public := p.public.(type) {
	case ed25519.PublicKey:
		return ed25519.SignatureSize
	case *rsa.PublicKey:
		return public.Size()
	default:
		return 0
	}
}

// verify reports whether the signature is good: of the message for Ed25519, else
// of its SHA-256.
func (p *pair) verify(signed, signature []byte) bool {
	switch public := p.public.(type) {
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(public, signed, signature)
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, signed, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, signed, signature) == nil
	default:
		return false
	}
}

// signDigest signs a SHA-256. It cannot fail: the key was checked, and the digest
// is one.
func (p *pair) signDigest(digest []byte) []byte {
	signature, err := p.private.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		panic("verifier: a checked key does not sign: " + err.Error())
	}
	return signature
}
