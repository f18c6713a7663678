package verifier

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
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
	pair       // of algorithms with a pair of keys
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
		key := rawKey{form: form, secret: index}
		var err error
		if key.bytes, err = decodeText(form.Encoding, rest); err == nil {
			err = key.check(signing)
		}
		if err != nil {
			// The form with a prefix, or of the other half, is the one that was meant.
			if half := wrongHalf(""); why == nil || form.Prefix != "" || errors.As(err, &half) {
				why = err
			}
			continue
		}
		keys = append(keys, key)
	}
	if keys == nil && why == nil {
		why = errors.New("the secret is of no form that this scheme verifies with")
	}
	if keys == nil {
		return nil, why
	}
	return keys, nil
}

// check errs if the key cannot be used, or if it is so weak that it should not.
func (k *rawKey) check(signing bool) (err error) {
	if k.form.Algorithm.pair() {
		k.pair, err = readPair(k.form, k.bytes, signing)
		return err
	}
	least := k.form.MinBytes
	if least == 0 {
		least = defaultMinKey
	}
	if len(k.bytes) < least {
		return fmt.Errorf("the key is too short: %d bytes, at least %d are needed; ask the provider for a longer one", len(k.bytes), least)
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
	case PEM:
		block, rest := pem.Decode([]byte(text))
		if block == nil || strings.TrimSpace(string(rest)) != "" {
			return nil, errors.New("the secret is not one PEM block, -----BEGIN … to … END …-----")
		}
		return block.Bytes, nil
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
