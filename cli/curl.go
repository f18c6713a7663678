package cli

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxInline is the longest body put into a command line, in bytes: systems refuse
// longer arguments.
const maxInline = 64 << 10

// curlLine returns a command line for a POSIX shell that sends a webhook. The body
// is that of the file or, if file is empty, stands in the line itself.
func curlLine(url string, header http.Header, body []byte, file string) (string, error) {
	words := []string{"curl", "-sS", "-X", "POST"}
	if strings.ContainsAny(url, "[]{}") {
		words = append(words, "-g") // not a pattern of several URLs
	}
	words = append(words, url)
	words = append(words, "-H", "Content-Type: "+contentType(body))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			words = append(words, "-H", name+": "+value)
		}
	}
	switch {
	case file != "":
		words = append(words, "--data-binary", "@"+file)
	case !printable(body):
		return "", errors.New("the body cannot stand in a command line, as it is long or has control characters; save it into a file and name that")
	case len(body) > 0 && body[0] == '@':
		// --data-binary would take it for the name of a file.
		words = append(words, "--data-raw", string(body))
	default:
		words = append(words, "--data-binary", string(body))
	}
	for i, word := range words {
		words[i] = shellQuote(word)
	}
	return strings.Join(words, " "), nil
}

// contentType is what a body is sent as.
func contentType(body []byte) string {
	if json.Valid(body) {
		return "application/json"
	}
	return "application/octet-stream"
}

// printable reports whether a body survives being shown in a terminal and pasted.
func printable(body []byte) bool {
	return len(body) <= maxInline && utf8.Valid(body) &&
		!strings.ContainsFunc(string(body), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
}

// shellQuote quotes a word for a POSIX shell unless it needs no quotes.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@%+=:,./_-", r))
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
