package verifier

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/edwards25519"
)

const (
	// defaultMinKey is 128 bits: less can be guessed.
	defaultMinKey = 16
	// maxSecrets bounds the secrets of one verifier, as each costs a MAC per
	// request, forged ones too. A signer may have as many as a verifier tries
	// signatures.
	maxSecrets = 8
)

// maxSecretText bounds what is read of a secret, in bytes.
const maxSecretText = 64 << 10

// ReadSecret reads the text of a secret as files hold it: one newline at its end,
// which editors add, is no part of it, and all other white space is left alone. It
// errs if there are more than 64 KiB.
func ReadSecret(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecretText+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSecretText {
		return "", fmt.Errorf("the file is larger than %d bytes", maxSecretText)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// rawKey is a secret as read by one form.
type rawKey struct {
	form   KeyForm
	bytes  []byte
	secret int // index in the configured order
}

// readSecret returns the keys that the text of a secret stands for: one for
// each form that fits. It errs, without a byte of the secret, if none does.
func readSecret(forms []KeyForm, text string, index int, signing bool) ([]rawKey, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the secret is empty")
	}
	if strings.TrimSpace(text) != text {
		return nil, errors.New("the secret begins or ends with white space; remove it")
	}
	var keys []rawKey
	var why error
	for _, form := range forms {
		rest, ok := strings.CutPrefix(text, form.Prefix)
		if !ok {
			continue
		}
		key, err := decodeText(form.Encoding, rest)
		switch {
		case form.Private && !signing:
			err = errors.New("a private key signs and does not verify; give the public one (whpk_)")
		case err == nil:
			err = checkKey(form, key, signing)
		}
		if err != nil {
			// The form with the longest prefix is the one that was meant.
			if why == nil || form.Prefix != "" {
				why = err
			}
			continue
		}
		keys = append(keys, rawKey{form: form, bytes: key, secret: index})
	}
	if keys == nil && why == nil {
		why = errors.New("the secret is of no form that this scheme verifies with")
	}
	if keys == nil {
		return nil, why
	}
	return keys, nil
}

func checkKey(form KeyForm, key []byte, signing bool) error {
	if form.Algorithm == Ed25519 {
		want := ed25519.PublicKeySize
		if form.Private {
			want = ed25519.PrivateKeySize
		}
		if len(key) != want {
			return fmt.Errorf("an Ed25519 key has %d bytes, this one has %d", want, len(key))
		}
		if signing && !form.Private {
			return errors.New("a public key cannot sign; give the private one (whsk_)")
		}
		return checkPoint(key[len(key)-ed25519.PublicKeySize:])
	}
	if least := max(form.MinBytes, 1); form.MinBytes == 0 && len(key) < defaultMinKey || len(key) < least {
		if form.MinBytes == 0 {
			least = defaultMinKey
		}
		return fmt.Errorf("the key is too short: %d bytes, at least %d are needed; ask the provider for a longer one", len(key), least)
	}
	return nil
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

func decodeText(encoding Encoding, text string) ([]byte, error) {
	switch encoding {
	case Base64:
		// Some providers leave the padding out of secrets; signatures keep it.
		key, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return nil, errors.New("the secret is not base64")
		}
		return key, nil
	case Base64URL:
		key, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return nil, errors.New("the secret is not base64url")
		}
		return key, nil
	case Hex:
		key, err := hex.DecodeString(text)
		if err != nil {
			return nil, errors.New("the secret is not hexadecimal")
		}
		return key, nil
	default:
		return []byte(text), nil
	}
}
