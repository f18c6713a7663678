package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Signed says over which bytes a signature was checked.
type Signed struct {
	// Template is that of the scheme.
	Template string `json:"template"`
	// Values are what stood for its variables, in their order, but for the body.
	Values []SignedValue `json:"values,omitempty"`
	// BodySize and BodySHA256 are of the body as it was signed; no more of it is told.
	BodySize   int    `json:"body_size"`
	BodySHA256 string `json:"body_sha256"`
	// Signatures are where candidates were looked for.
	Signatures []string `json:"signatures,omitempty"`
}

// SignedValue is what stood for a variable of the signed bytes. A value is what the
// request says, believed or not; it is empty if the request does not say it.
type SignedValue struct {
	Variable string `json:"variable"`
	From     string `json:"from"`
	Value    string `json:"value"`
}

// evidence reads the request as leniently as can be. Of a token there is none: it
// signs nothing.
func (x *explainer) evidence() (s Signed) {
	if slices.ContainsFunc(x.Keys, func(form KeyForm) bool { return form.Algorithm == Token }) {
		return s
	}
	family := x.family()
	o, sum := x.offer(family), sha256.Sum256(x.body)
	s = Signed{Template: x.Scheme.Signed, BodySize: len(x.body), BodySHA256: hex.EncodeToString(sum[:])}
	for _, segment := range x.template {
		from := ""
		switch segment.variable {
		case literal, varBody:
			continue
		case varID:
			from = x.id.spelling(family)
		case varTimestamp:
			from = x.time.spelling(family)
		case varType:
			from = x.typ.spelling(family)
		case varURL:
			from = "public_url"
		default:
			from = "request line"
		}
		s.Values = append(s.Values, SignedValue{Variable: segment.variable.String(), From: from, Value: o.values[segment.variable]})
	}
	for i := range x.locations {
		s.Signatures = append(s.Signatures, x.locations[i].from.spelling(family))
	}
	return s
}

// spelling is the name of a value in an alias family, as "header:svix-id".
func (s *source) spelling(family int) string {
	if s.kind == inHeader && family < len(s.names) {
		return string(s.kind) + ":" + s.names[family]
	}
	return s.String()
}
