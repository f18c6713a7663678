package sender

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/verifier"
)

// schemes are how messages can be signed.
var schemes = []string{SchemeSvix, SchemeStandard, SchemeTravelbase}

func isScheme(name string) bool { return slices.Contains(schemes, name) }

const (
	symmetricPrefix  = "whsec_"
	asymmetricPrefix = "whsk_"
	publicPrefix     = "whpk_"

	leastSecret = 24
	mostSecret  = 75
	// Of travelbase the text itself is the key.
	leastText = 16
	mostText  = 256
)

// newSecret makes the secret of an endpoint.
func newSecret(scheme string) string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	if scheme == SchemeTravelbase {
		return hex.EncodeToString(key)
	}
	return symmetricPrefix + base64.StdEncoding.EncodeToString(key[:leastSecret])
}

// checkSecret checks the secret of an endpoint. Errors hold nothing of it.
func checkSecret(field, scheme, text string) error {
	if scheme == SchemeTravelbase {
		if len(text) < leastText || len(text) > mostText || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return invalid(field, "it has to be %d to %d visible ASCII characters", leastText, mostText)
		}
		return signs(field, scheme, text)
	}
	switch rest, ok := strings.CutPrefix(text, symmetricPrefix); {
	case ok:
		key, err := base64.StdEncoding.Strict().DecodeString(rest)
		if err != nil || strings.ContainsAny(rest, "\r\n") {
			return invalid(field, "what follows %s has to be base64", symmetricPrefix)
		}
		if len(key) < leastSecret || len(key) > mostSecret {
			return invalid(field, "what follows %s has to be base64 of %d to %d bytes", symmetricPrefix, leastSecret, mostSecret)
		}
	case strings.HasPrefix(text, asymmetricPrefix):
		key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, asymmetricPrefix))
		if err != nil || len(key) != ed25519.PrivateKeySize || strings.ContainsAny(text, "\r\n") {
			return invalid(field, "what follows %s has to be base64 of the %d bytes of an Ed25519 key", asymmetricPrefix, ed25519.PrivateKeySize)
		}
		if !bytes.Equal(ed25519.NewKeyFromSeed(key[:ed25519.SeedSize]), key) {
			return invalid(field, "the halves of the Ed25519 key do not belong together")
		}
	default:
		return invalid(field, "it has to begin with %s or %s", symmetricPrefix, asymmetricPrefix)
	}
	return signs(field, scheme, text)
}

// signs checks that something can be signed with a secret.
func signs(field, scheme, text string) error {
	preset, _ := verifier.Preset(scheme)
	if _, err := verifier.NewSigner(preset, []string{text}, verifier.Options{}); err != nil {
		return invalid(field, "it cannot be signed with: %s", err)
	}
	return nil
}

// shown is what the receiver of messages is given of a secret: of a pair of keys, the
// public one.
func shown(text string) string {
	rest, ok := strings.CutPrefix(text, asymmetricPrefix)
	if !ok {
		return text
	}
	key, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(key) != ed25519.PrivateKeySize {
		return ""
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:])
}
