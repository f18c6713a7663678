package verifier

import (
	"crypto/subtle"
	"encoding/binary"
)

// matches reports, as 1 or 0, whether text is want as this encoding spells it. There
// is one spelling: padding is as the encoding has it, and spare bits are 0; only hex
// may be in either letter case.
//
// Neither a branch nor an address depends on a byte of want, an expected MAC. To
// decode text strictly and then to compare takes three times as long, which is much
// next to the MAC of a short body.
func (e Encoding) matches(text string, want []byte) int {
	if len(text) != e.size(len(want)) {
		return 0
	}
	var diff uint64
	switch e {
	case Hex:
		diff = differHex(text, want)
	case Base64:
		diff = differBase64(text, want, &base64Values)
	case Base64URL:
		diff = differBase64(text, want, &base64URLValues)
	default:
		return 0
	}
	return subtle.ConstantTimeEq(int32(diff|diff>>32), 0)
}

// differHex returns 0 if text is want, a multiple of four bytes, in hexadecimal. It
// spells four bytes in a word of eight characters, and compares that.
func differHex(text string, want []byte) (diff uint64) {
	for len(want) >= 4 && len(text) >= 8 {
		w := uint64(binary.BigEndian.Uint32(want))
		w = (w | w<<16) & 0x0000_ffff_0000_ffff
		w = (w | w<<8) & 0x00ff_00ff_00ff_00ff
		w = (w | w<<4) & (15 * ones)               // a digit in each byte
		letters := (w + (128-10)*ones) >> 7 & ones // 1 where it is 10 or more
		w += '0'*ones + ('a'-'0'-10)*letters       // its character
		given := binary.BigEndian.Uint64([]byte(text[:8]))
		diff |= w ^ (given | given&(0x40*ones)>>1) // a letter in lower case
		want, text = want[4:], text[8:]
	}
	return diff | uint64(len(want))
}

// base64Values and base64URLValues are the values of the characters; of all others,
// bits that no value has.
var base64Values, base64URLValues = base64Alphabet("+/"), base64Alphabet("-_")

func base64Alphabet(last string) (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last {
		values[c] = byte(i)
	}
	return values
}

// differBase64 returns 0 if text is want in base64. It reads six bytes out of eight
// characters while there are as many, and three out of four, and compares those.
func differBase64(text string, want []byte, values *[256]byte) uint64 {
	value := func(c byte) uint64 { return uint64(values[c]) }
	var diff, all uint64
	for len(want) >= 8 && len(text) >= 8 { // eight, as that is what is loaded
		a, b, c, d := value(text[0]), value(text[1]), value(text[2]), value(text[3])
		e, f, g, h := value(text[4]), value(text[5]), value(text[6]), value(text[7])
		diff |= (a<<42 | b<<36 | c<<30 | d<<24 | e<<18 | f<<12 | g<<6 | h) ^ binary.BigEndian.Uint64(want)>>16
		all |= a | b | c | d | e | f | g | h
		want, text = want[6:], text[8:]
	}
	for len(want) >= 3 && len(text) >= 4 {
		a, b, c, d := value(text[0]), value(text[1]), value(text[2]), value(text[3])
		diff |= (a<<18 | b<<12 | c<<6 | d) ^ (uint64(want[0])<<16 | uint64(want[1])<<8 | uint64(want[2]))
		all |= a | b | c | d
		want, text = want[3:], text[4:]
	}
	switch {
	case len(want) == 2 && len(text) >= 3:
		a, b, c := value(text[0]), value(text[1]), value(text[2])
		diff |= (a<<12 | b<<6 | c) ^ (uint64(want[0])<<8|uint64(want[1]))<<2
		all |= a | b | c
		want, text = want[2:], text[3:]
	case len(want) == 1 && len(text) >= 2:
		a, b := value(text[0]), value(text[1])
		diff |= (a<<6 | b) ^ uint64(want[0])<<4
		all |= a | b
		want, text = want[1:], text[2:]
	}
	for i := range len(text) {
		diff |= uint64(text[i] ^ '=')
	}
	return diff | all&^63 | uint64(len(want))
}
