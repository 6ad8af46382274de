import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What the Java peers share: options, the marks by which bench/run.py measures, and the file of answers. A mark is a line on standard output.
 * After the mark "end" a peer waits for a line on standard input, so that the writing of answers is not measured.
 */
final class Peer {
    private static final AtomicBoolean FIRST = new AtomicBoolean();

    private Peer() {}

    /** "--name value" pairs. */
    static Map<String, String> options(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i].substring(2), args[i + 1]);
        }
        return options;
    }

    /** The first record reached the program; later calls do nothing. */
    static void first() {
        if (!FIRST.get() && FIRST.compareAndSet(false, true)) {
            mark("first");
        }
    }

    static void mark(String what) {
        synchronized (System.out) {
            System.out.println("{\"mark\":\"" + what + "\"}");
            System.out.flush();
        }
    }

    static void settings(String text) {
        System.out.println("{\"settings\":\"" + text + "\"}");
    }

    /** Says that all is done and waits to be asked for the answers. */
    static void end() throws IOException {
        mark("end");
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
    }

    static BufferedWriter answers(String path) throws IOException {
        return Files.newBufferedWriter(Path.of(path), StandardCharsets.UTF_8);
    }

    /** The key of a subject; the answers have the same three fields, in this order. */
    static String key(String org, String dim, String subject) {
        return org + '\t' + dim + '\t' + subject;
    }

    static void answer(BufferedWriter out, long windowStartMs, String key, long count, long sum) throws IOException {
        out.write(windowStartMs + "\t" + key + "\t" + count + "\t" + sum + "\n");
    }
}
