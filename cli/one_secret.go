package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// oneSecret is where one secret is. As with [secretFlags], no flag takes the secret
// itself.
type oneSecret struct {
	what     string // "the token"
	flag     string // how its flags begin
	usual    string // the environment variable it is in if nothing else is said; may be empty
	env      string
	file     string
	stdin    bool
	optional bool // it may be nowhere: then it is empty
}

func (s *oneSecret) register(flags *pflag.FlagSet) {
	env := "Environment variable that holds " + s.what
	if s.usual != "" {
		env += " (default: " + s.usual + ")"
	}
	flags.Var(&secretFlag{"name", func(v string) { s.env = v }}, s.flag+"-env", env)
	flags.Var(&secretFlag{"path", func(v string) { s.file = v }}, s.flag+"-file", "File that holds "+s.what)
	flags.BoolVar(&s.stdin, s.flag+"-stdin", false, "Read "+s.what+" from standard input")
}

// read returns the text of the secret, without space around it.
func (s *oneSecret) read(in *stdin) (string, error) {
	ref := secretRef{env: s.env, file: s.file, what: s.what}
	switch {
	case s.env != "" && s.file != "" || s.stdin && (s.env != "" || s.file != ""):
		return "", fmt.Errorf("%s is in one place: give --%[2]s-env, --%[2]s-file or --%[2]s-stdin", s.what, s.flag)
	case s.env != "" || s.file != "" || s.stdin:
	case s.optional && s.missing():
		return "", nil
	case s.usual == "":
		return "", fmt.Errorf("%s is missing; name it with --%[2]s-env, --%[2]s-file or --%[2]s-stdin", s.what, s.flag)
	default:
		ref.env = s.usual
	}
	text, err := ref.read(in)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fmt.Errorf("%s in %s is empty", s.what, ref)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New(s.what + " in " + ref.String() + " has several lines, or control characters")
	}
	return text, nil
}

// missing reports that no flag names the secret, and that it is not where it usually is.
func (s *oneSecret) missing() bool {
	_, there := os.LookupEnv(s.usual)
	return s.env == "" && s.file == "" && !s.stdin && !there
}
