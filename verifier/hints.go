package verifier

import (
	"fmt"
	"strings"
)

// signatureHint says why no candidate could be a signature.
func signatureHint(s *compiled, candidate string) string {
	if name, rest, ok := strings.Cut(candidate, "="); ok && rest != "" && len(name) <= 16 && strings.Trim(rest, "=") != "" {
		return fmt.Sprintf("begins with %q, but signatures of this scheme have no such prefix", name+"=")
	}
	if candidate == "" {
		return "has an empty signature; the sender may have no secret configured"
	}
	var forms []string
	for _, e := range s.Encodings {
		for _, form := range s.Keys {
			text := fmt.Sprintf("%d (%s)", e.size(form.Algorithm.size()), e)
			if !strings.Contains(strings.Join(forms, " "), text) {
				forms = append(forms, text)
			}
		}
	}
	return fmt.Sprintf("has a signature of %d characters; there should be %s", len(candidate), strings.Join(forms, " or "))
}

// timeHint says why a timestamp is not of its grammar.
func timeHint(want TimeFormat, text string) string {
	if _, ok := parseTime(UnixMilli, text); ok && want == Unix {
		return "timestamp is in milliseconds, this scheme has seconds"
	}
	if _, ok := parseTime(Unix, text); ok && want == UnixMilli {
		return "timestamp is in seconds, this scheme has milliseconds"
	}
	switch want {
	case Unix:
		return "timestamp has to be ten digits, seconds since 1970"
	case UnixMilli:
		return "timestamp has to be thirteen digits, milliseconds since 1970"
	default:
		return "timestamp has to be an RFC 3339 date and time with a zone, as 2026-02-20T16:25:51.293Z"
	}
}
