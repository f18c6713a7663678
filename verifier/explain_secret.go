package verifier

import (
	"crypto/hmac"
	"hash"
	"slices"
	"strings"
)

// reading is a key and, unless the scheme itself reads the secret so, how the
// secret was read for it.
type reading struct {
	Finding
	rawKey
	mac hash.Hash // see [rawKey.newMAC]
}

func newReading(f Finding, k rawKey) reading {
	return reading{Finding: f, rawKey: k, mac: k.newMAC()}
}

// readings returns the scheme's own readings of all secrets, then others.
func (x *explainer) readings() []reading {
	var own []reading
	other := make([]reading, 0, 8*len(x.secrets))
	for i, secret := range x.secrets {
		known := x.read(nil, secret, i, Finding{})
		own = append(own, known...)
		other = append(other, x.otherReadings(known, secret, i, which(i, len(x.secrets)))...)
	}
	return append(append(own, other...), otherAlgorithms(own)...)
}

// otherReadings are what a person or a library may have made of a secret.
func (x *explainer) otherReadings(known []reading, secret string, index int, which string) []reading {
	all := slices.Clone(known)
	bare := strings.TrimSpace(secret)
	if bare != secret {
		all = x.read(all, bare, index, Finding{"secret_space", "The signature matches with the white space around " + which + " trimmed."})
	}
	if unquoted := strings.Trim(bare, `"'`); unquoted != bare {
		bare = unquoted
		all = x.read(all, bare, index, Finding{"secret_quotes", "The signature matches without the quotes around " + which + "."})
	}
	add := func(key []byte, code, how string) {
		for _, form := range x.Keys {
			same := func(k reading) bool { return k.form.Algorithm == form.Algorithm && hmac.Equal(k.bytes, key) }
			if len(key) > 0 && !form.Algorithm.pair() && !slices.ContainsFunc(all, same) {
				f := Finding{"secret_" + code, "The signature matches with " + which + " " + how + "."}
				all = append(all, newReading(f, rawKey{form: form, bytes: key, secret: index}))
			}
		}
	}
	add([]byte(bare), "as_text", "taken as raw text")
	add([]byte(bare+"\n"), "newline", "and a newline after it: the sender may not trim what it reads from a file")
	texts := []string{bare}
	for _, prefix := range []string{"v1,whsec_", "whsec_", "base64-"} {
		if rest, ok := strings.CutPrefix(bare, prefix); ok {
			add([]byte(rest), "as_text", "taken as raw text without "+prefix)
			texts = append(texts, rest)
		}
	}
	if !strings.HasPrefix(bare, "whsec_") {
		add([]byte("whsec_"+bare), "prefix", "and whsec_ before it, which is part of the key there")
	}
	for _, text := range texts {
		for _, encoding := range []Encoding{Hex, Base64, Base64URL} {
			if key, err := decodeText(encoding, text); err == nil {
				add(key, "as_"+string(encoding), "taken as "+string(encoding))
			}
		}
	}
	return all[len(known):]
}

// otherAlgorithms are the keys of the scheme, used for other MACs than its own.
func otherAlgorithms(own []reading) (all []reading) {
	for _, k := range own {
		if k.form.Algorithm.pair() || k.form.Algorithm == Token {
			continue
		}
		of := k.form.Algorithm
		for _, a := range []Algorithm{HMACSHA1, HMACSHA256, HMACSHA384, HMACSHA512} {
			if a == of {
				continue
			}
			f := Finding{"algorithm", "The signature matches by " + string(a) + "; this scheme has " + string(of) + "."}
			k.form.Algorithm = a
			all = append(all, newReading(f, k.rawKey))
		}
	}
	return all
}

// read appends the scheme's own readings of a text.
func (x *explainer) read(all []reading, secret string, index int, f Finding) []reading {
	keys, err := readSecret(x.Keys, secret, index, false)
	if err != nil {
		return all // not of the scheme's forms
	}
	for _, k := range keys {
		all = append(all, newReading(f, k))
	}
	return all
}
