// Another opinion on a log: that of the packages which Go's own checksum
// database is read with, golang.org/x/mod/sumdb. They know nothing of worknet.
//
//	third VKEY SITE [OLDER-CHECKPOINT | FILE.tlog-proof]...
//
// It opens the checkpoint by the key, makes the root anew from tiles, holds each
// entry of the bundles to the tree by a proof of its own, and the older
// checkpoints, as what this one continues. It prints how many of each.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of C2SP's tiles

type site string

func (s site) Height() int { return height }

func (s site) SaveTiles([]tlog.Tile, [][]byte) {}

func (s site) ReadTiles(tiles []tlog.Tile) (all [][]byte, err error) {
	for _, t := range tiles {
		// tile/8/L/N is tile/L/N there.
		name := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
		data, err := s.read(name, t.W*tlog.HashSize)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// The file, or the full one that has taken its place, of which a part is enough.
func (s site) read(name string, enough int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(s), name))
	if err == nil {
		return data, nil
	}
	full := strings.Split(name, ".p/")[0]
	data, err = os.ReadFile(filepath.Join(string(s), full))
	if err == nil && enough > 0 && len(data) >= enough {
		data = data[:enough]
	}
	return data, err
}

// Those of the n-th bundle of a tree of that size.
func (s site) entries(n, size int64) (all [][]byte, err error) {
	w := size - n<<height
	if w > 1<<height {
		w = 1 << height
	}
	t := tlog.Tile{H: height, L: 0, N: n, W: int(w)}
	name := strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1)
	data, err := s.read(name, 0)
	for err == nil && int64(len(all)) < w {
		if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
			return nil, fmt.Errorf("%s ends within an entry", name)
		}
		end := 2 + int(data[0])<<8 + int(data[1])
		all, data = append(all, data[2:end]), data[end:]
	}
	return all, err
}

func open(text []byte, key note.Verifier) (tree tlog.Tree, err error) {
	n, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() || lines[3] != "" {
		return tree, fmt.Errorf("%q is no checkpoint of %s", n.Text,
			key.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err == nil {
		tree.Hash, err = tlog.ParseHash(lines[2])
	}
	return tree, err
}

// The i-th: extra data, or what the site has.
func (s site) entry(extra string, i, size int64) ([]byte, error) {
	if extra != "" {
		return base64.StdEncoding.DecodeString(extra)
	}
	if i < 0 || i >= size {
		return nil, fmt.Errorf("no entry %d", i)
	}
	all, err := s.entries(i>>height, size)
	if err != nil {
		return nil, err
	}
	return all[i&(1<<height-1)], nil
}

// Of a file of C2SP's tlog-proof, whose extra data is the entry if there is any.
func (s site) checkFile(text []byte, key note.Verifier) error {
	parts := bytes.SplitN(text, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) != 2 || len(lines) < 3 ||
		lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("no proof")
	}
	var proof tlog.RecordProof
	extra := ""
	if strings.HasPrefix(lines[1], "extra ") {
		extra, lines = lines[1][len("extra "):], lines[1:]
	}
	i, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	for _, line := range lines[2:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, h)
	}
	tree, err := open(parts[1], key)
	if err != nil {
		return err
	}
	entry, err := s.entry(extra, i, tree.N)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, i,
		tlog.RecordHash(entry))
}

func checkEntries(s site, tree tlog.Tree, r tlog.HashReader) error {
	for n := int64(0); n<<height < tree.N; n++ {
		all, err := s.entries(n, tree.N)
		if err != nil {
			return err
		}
		for k, entry := range all {
			i := n<<height + int64(k)
			p, err := tlog.ProveRecord(tree.N, i, r)
			if err == nil {
				err = tlog.CheckRecord(p, tree.N, tree.Hash, i,
					tlog.RecordHash(entry))
			}
			if err != nil {
				return fmt.Errorf("entry %d: %v", i, err)
			}
		}
	}
	return nil
}

func checkOlder(text []byte, key note.Verifier, tree tlog.Tree,
	r tlog.HashReader) error {
	old, err := open(text, key)
	if err != nil {
		return err
	}
	p, err := tlog.ProveTree(tree.N, old.N, r)
	if err != nil {
		return err
	}
	return tlog.CheckTree(p, tree.N, tree.Hash, old.N, old.Hash)
}

func look(vkey string, s site, files []string) error {
	older, proofs := 0, 0
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	text, err := s.read("checkpoint", 0)
	if err != nil {
		return err
	}
	tree, err := open(text, key)
	if err != nil {
		return err
	}
	r := tlog.TileHashReader(tree, s)
	if h, err := tlog.TreeHash(tree.N, r); err != nil || h != tree.Hash {
		return fmt.Errorf("the tiles have another root: %v", err)
	}
	if err := checkEntries(s, tree, r); err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err == nil && strings.HasSuffix(name, ".tlog-proof") {
			proofs++
			err = s.checkFile(text, key)
		} else if err == nil {
			older++
			err = checkOlder(text, key, tree, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	fmt.Println(tree.N, older, proofs)
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: third VKEY SITE [FILE]...")
		os.Exit(2)
	}
	err := look(os.Args[1], site(os.Args[2]), os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
