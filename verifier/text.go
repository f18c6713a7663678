package verifier

import "encoding/binary"

// trim removes the optional white space of RFC 9110, and no other.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// maxName bounds the bytes of an id or a type.
const maxName = 256

// plainName reports whether a name can be shown, logged and sent on as a header:
// visible ASCII without the byte that delimits it in the signed text.
func plainName(name string, end byte) bool {
	return name != "" && len(name) <= maxName && visible(name, end)
}

// ones is a word of eight bytes that are 1: n of it are eight bytes that are n.
const ones = 0x0101_0101_0101_0101

// visible reports whether a text is visible ASCII without that byte.
func visible(text string, end byte) bool {
	if len(text) < 8 {
		for i := range len(text) {
			if text[i]-'!' > '~'-'!' || text[i] == end {
				return false
			}
		}
		return true
	}
	// Eight bytes at a time; the last eight may overlap those before. A high bit says
	// that there is a byte below '!', above '~', or that is end.
	wrong, last := uint64(0), len(text)-8
	for i := 0; i < last; i += 8 {
		wrong |= unseen(text[i:], end)
	}
	return (wrong|unseen(text[last:], end))&(0x80*ones) == 0
}

// unseen returns a word with a high bit if one of the first eight bytes of a text is
// not visible ASCII, or is end.
func unseen(text string, end byte) uint64 {
	w := binary.LittleEndian.Uint64([]byte(text[:8]))
	ends := w ^ uint64(end)*ones
	return (w-'!'*ones)&^w | w | (w + (127-'~')*ones) | (ends-ones)&^ends
}
