"""serve and generate: the program as server and as its client."""

import fcntl
import json
import signal
import subprocess

from support import STORIES, TIME_LIMIT, Case, start

F_SETPIPE_SZ = 1031  # of Linux; the fcntl module has it from Python 3.10 on


class Serve(Case):
    def serve(self, *arguments, env=None):
        """A server on a free port and its address."""
        process = start("serve", *arguments, "--listen", "127.0.0.1:0", env=env, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertRegex(line, r"^listening on 127\.0\.0\.1:[1-9]\d*\n$")
        return process, line.split()[-1]

    def stop(self, process, number):
        process.send_signal(number)
        self.assertEqual(process.wait(TIME_LIMIT), 0)

    def test_generate_gives_what_run_gives(self):
        process, server = self.serve("-m", STORIES)
        request = ["-p", "Once upon a time", "-n", 8]
        done = self.run_program("generate", "--server", server, *request)
        self.assertEqual(done.stdout, self.run_program("run", "-m", STORIES, *request).stdout)
        self.assertIn("tokens/s", done.stderr)
        here = self.run_records("run", "-m", STORIES, *request)
        there = self.run_records("generate", *request, env={"SYNFIRE_SERVER": server})
        self.assertEqual([r.get("id") for r in there], [r.get("id") for r in here])
        self.assertEqual("".join(r["text"] for r in there), "".join(r["text"] for r in here))
        for mine, theirs in zip(here[:-1], there[:-1]):
            self.assertAlmostEqual(mine["logprob"], theirs["logprob"], places=5)
        self.stop(process, signal.SIGTERM)

    def test_errors_of_requests_leave_the_server_well(self):
        process, server = self.serve("-m", STORIES, "-c", 40)
        self.fails("generate", "--server", server, "-p", "word " * 60, says=["40"])
        self.fails("generate", "--server", server, "-p", "x", "--logit-bias", "512=1", says=["512"])
        self.assertTrue(self.run_program("generate", "--server", server, "-p", "Once", "-n", 4).stdout)
        self.stop(process, signal.SIGINT)

    def test_interrupted_client(self):
        process, server = self.serve("-m", STORIES)
        client = start("generate", "--server", server, "-p", "Once", "-n", 500, "--json",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        fcntl.fcntl(client.stdout, F_SETPIPE_SZ, 4096)  # it cannot finish while nobody reads
        json.loads(client.stdout.readline())
        client.send_signal(signal.SIGINT)
        _, errors = client.communicate(timeout=TIME_LIMIT)
        self.assertEqual(client.returncode, 128 + signal.SIGINT, errors)
        self.assertTrue(self.run_program("generate", "--server", server, "-p", "Once", "-n", 4).stdout)
        self.stop(process, signal.SIGTERM)

    def test_configured_by_file(self):
        config = self.write("c.yaml", f"model: {{path: {STORIES}}}\nclient: {{server: '127.0.0.1:1'}}\n")
        process, server = self.serve("--config", config)
        self.run_program("generate", "--config", config, "--server", server, "-p", "Once", "-n", 2)
        self.stop(process, signal.SIGTERM)

    def test_its_address_as_json(self):
        process = start("serve", "-m", STORIES, "--listen", "127.0.0.1:0", "--json",
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        said = json.loads(process.stdout.readline())
        self.assertEqual(said["listening"], f"127.0.0.1:{said['port']}")
        self.stop(process, signal.SIGTERM)

    def test_errors(self):
        process, server = self.serve("-m", STORIES)
        self.fails("serve", "-m", STORIES, "--listen", server, says=[server, "in use"])
        self.stop(process, signal.SIGTERM)
        self.fails("generate", "--server", server, "-p", "x", says=[server])
        self.fails("serve", "-m", "none.gguf", says=["none.gguf"])
        self.misused("serve", "-m", STORIES, "--listen", "127.0.0.1", says=["--listen"])
        self.misused("generate", says=["--prompt"])
