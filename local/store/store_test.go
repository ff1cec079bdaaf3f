package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

type entry struct{ N int }

// writerEnv makes the test binary a process that writes entries until it is killed.
const writerEnv = "STORE_TEST_WRITE_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		if err := writeForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func writeForEver(path string) error {
	db, err := Open(path)
	if err != nil {
		return err
	}
	table, err := NewTable[entry](db, "t")
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := table.Put(fmt.Sprintf("%08d", n), entry{n}); err != nil {
			return err
		}
		fmt.Println(n) // what has been acknowledged
	}
}

func open(t *testing.T, path string) (*DB, *Table[entry]) {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	table, err := NewTable[entry](db, "t")
	if err != nil {
		t.Fatal(err)
	}
	return db, table
}

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	db, table := open(t, path)
	for i, key := range []string{"b/2", "a", "b/1", "c"} {
		if err := table.Put(key, entry{i}); err != nil {
			t.Fatal(err)
		}
	}
	refused := errors.New("refused")
	if err := table.Update("a", func(e *entry, found bool) error { e.N = 99; return refused }); !errors.Is(err, refused) {
		t.Errorf("Update returned %v", err)
	}
	if err := table.Delete("c"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	_, table = open(t, path)
	if got, found, err := table.Get("a"); err != nil || !found || got.N != 1 {
		t.Errorf("a = %v %v %v", got, found, err)
	}
	if _, found, err := table.Get("c"); err != nil || found {
		t.Errorf("deleted key: %v %v", found, err)
	}
	var keys []string
	err := table.Each("b/", func(key string, _ entry) bool {
		keys = append(keys, key)
		return true
	})
	if err != nil || len(keys) != 2 || keys[0] != "b/1" {
		t.Errorf("Each: %v %v", keys, err)
	}
}

func TestOnlyOneProcessHasTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	open(t, path)
	if _, err := Open(path); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v", err)
	}
}

func TestStateSurvivesSIGKILL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	acknowledged := 0
	for _, lines := range []int{1, 50, 333} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scan := bufio.NewScanner(out)
		for range lines {
			if !scan.Scan() {
				t.Fatal("the writer ended by itself")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for last := scan.Text(); ; last = scan.Text() {
			if n, err := strconv.Atoi(last); err == nil {
				acknowledged = max(acknowledged, n)
			}
			if !scan.Scan() {
				break
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
		checkAll(t, path, acknowledged)
	}
}

func checkAll(t *testing.T, path string, acknowledged int) {
	t.Helper()
	db, table := open(t, path)
	for n := range acknowledged + 1 {
		got, found, err := table.Get(fmt.Sprintf("%08d", n))
		if err != nil || !found || got.N != n {
			t.Fatalf("entry %d of %d after the kill: %v %v %v", n, acknowledged, got, found, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkPut(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "state"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	table, err := NewTable[entry](db, "t")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := table.Put(strconv.Itoa(i), entry{i}); err != nil {
			b.Fatal(err)
		}
	}
}
