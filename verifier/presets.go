package verifier

import "slices"

// presets are the providers known by name, by kind. A row is added only from the
// provider's own source or documentation, which it names; it says no more than is
// written there. docs/adding-a-scheme.md is how.
var presets = slices.Concat(standardPresets, codePresets, commercePresets, chatPresets, servicePresets)

// Readings of a secret that many providers share.
var (
	// textKey: the secret is the text itself.
	textKey = []KeyForm{{Encoding: Text, Algorithm: HMACSHA256}}

	// tokenKey: the text itself is sent.
	tokenKey = []KeyForm{{Encoding: Text, Algorithm: Token}}

	// standardKeys: an HMAC secret is base64, with whsec_ before it or not, as the
	// official libraries take it; whpk_ and whsk_ are the two halves of an Ed25519
	// key (Standard Webhooks 1.0.0, "Signature scheme").
	standardKeys = []KeyForm{
		{Prefix: "whsec_", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"},
		{Prefix: "", Encoding: Base64, Algorithm: HMACSHA256, Item: "v1"},
		{Prefix: "whpk_", Encoding: Base64, Algorithm: Ed25519, Item: "v1a"},
		{Prefix: "whsk_", Encoding: Base64, Algorithm: Ed25519, Item: "v1a", Private: true},
	}
)

// textKeyOf: the secret is the text itself, and its signatures have this name.
func textKeyOf(item string) []KeyForm {
	return []KeyForm{{Encoding: Text, Algorithm: HMACSHA256, Item: item}}
}

// pairKeys: a public key as X.509 has it, in base64 or in PEM, or its other half.
func pairKeys(a Algorithm) []KeyForm {
	return []KeyForm{
		{Encoding: Base64, Algorithm: a},
		{Encoding: PEM, Algorithm: a},
		{Encoding: Base64, Algorithm: a, Private: true},
		{Encoding: PEM, Algorithm: a, Private: true},
	}
}

// Presets returns the schemes known by name, in the order of documentation. The
// slice is the caller's; what it refers to must not be changed.
func Presets() []Scheme { return slices.Clone(presets) }

// Preset returns the scheme of that name.
func Preset(name string) (Scheme, bool) {
	for _, s := range presets {
		if s.Name == name {
			return s, true
		}
	}
	return Scheme{}, false
}
