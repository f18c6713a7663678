package api

func document() []byte { return nil }
