package sender

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	maxName        = 256
	maxChannel     = 128
	maxChannels    = 10
	maxDescription = 16 << 10
	maxMetadata    = 4096
	maxTypes       = 1000
	maxRate        = math.MaxUint16
)

// plain reports whether a text has only letters, digits and some other characters, and
// no more bytes than it may.
func plain(text, others string, most int) bool {
	if text == "" || len(text) > most {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(others, c) >= 0 {
			continue
		}
		return false
	}
	return true
}

const nameChars = "-_."

// checkUID checks a caller's name for something whose ids begin with a prefix.
func checkUID(field, uid, prefix string) error {
	switch {
	case uid == "":
		return nil
	case !plain(uid, nameChars, maxName):
		return invalid(field, "it has to be 1 to %d characters out of a-z, A-Z, 0-9, - _ and .", maxName)
	case isID(prefix, uid):
		return invalid(field, "it must not begin with %s, as ids do", prefix)
	}
	return nil
}

// checkEventType checks the name of an event type.
func checkEventType(field, name string) error {
	if !plain(name, nameChars, maxName) {
		return invalid(field, "an event type is 1 to %d characters out of a-z, A-Z, 0-9, - _ and .", maxName)
	}
	return nil
}

// checkEventTypes checks the names of event types that are selected; nil is all.
func checkEventTypes(field string, names []string) error {
	switch {
	case names == nil:
		return nil
	case len(names) == 0 || len(names) > maxTypes:
		return invalid(field, "it has to hold 1 to %d event types, or be null for all", maxTypes)
	}
	for _, name := range names {
		if err := checkEventType(field, name); err != nil {
			return err
		}
	}
	return nil
}

// checkNames checks channels or tags; nil is none.
func checkNames(field string, names []string) error {
	switch {
	case names == nil:
		return nil
	case len(names) == 0 || len(names) > maxChannels:
		return invalid(field, "it has to hold 1 to %d of them, or be null", maxChannels)
	}
	for _, name := range names {
		if !plain(name, nameChars+":+", maxChannel) {
			return invalid(field, "each is 1 to %d characters out of a-z, A-Z, 0-9, - _ . : and +", maxChannel)
		}
	}
	return nil
}

// checkText checks what people read.
func checkText(field, text string, least, most int) error {
	switch {
	case len(text) < least:
		return invalid(field, "it must not be empty")
	case len(text) > most:
		return invalid(field, "it has more than %d bytes", most)
	case !utf8.ValidString(text) || hasControls(text):
		return invalid(field, "it holds control characters")
	}
	return nil
}

func hasControls(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return c <= 8 }) >= 0
}

// checkRate checks a limit of attempts a second; 0 is none.
func checkRate(field string, rate int) error {
	if rate < 0 || rate > maxRate {
		return invalid(field, "it has to be from 1 to %d", maxRate)
	}
	return nil
}

// checkMetadata checks a map of texts.
func checkMetadata(metadata map[string]string) error {
	for key, value := range metadata {
		if hasControls(key) || hasControls(value) {
			return invalid("metadata", "it holds control characters")
		}
	}
	if text, err := json.Marshal(metadata); err != nil || len(text) > maxMetadata {
		return invalid("metadata", "it has more than %d bytes", maxMetadata)
	}
	return nil
}

// firstOf returns the first error.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
