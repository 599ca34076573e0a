import io.split.client.SplitClient;
import io.split.client.SplitClientConfig;
import io.split.client.SplitFactoryBuilder;
import io.split.client.api.SplitResult;
import io.split.client.impressions.Impression;
import io.split.client.impressions.ImpressionListener;
import io.split.client.impressions.ImpressionsManager;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * Split's own SDK for Java as a contestant of the bench: see run.py for the lines that it reads and writes. Its threads
 * are not pinned.
 *
 * <pre>java Worker URL MODE</pre>
 */
final class Worker {
    /** What is done with a key; how many answers are "on". */
    private interface Call {
        int on(String key);
    }

    private static final List<String> KEYS = named("user-%015d", 0, 1000);
    private static final List<String> TEAM = named("team_%d", 0, 20);
    private static final Map<String, Object> TWO = two();
    private static final Map<String, Object> FOUR = four();
    private static int unique;

    private static List<String> named(String format, int first, int count) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < count; i++) names.add(String.format(Locale.ROOT, format, first + i));
        return names;
    }

    private static Map<String, Object> two() {
        Map<String, Object> attributes = new HashMap<>();
        attributes.put("age", 30);
        attributes.put("country", "us");
        return attributes;
    }

    private static Map<String, Object> four() {
        Map<String, Object> attributes = two();
        attributes.put("plan", "pro");
        attributes.put("beta", true);
        return attributes;
    }

    private static int on(String treatment) {
        return treatment.equals("on") ? 1 : 0;
    }

    private static int on(Map<String, String> treatments) {
        int on = 0;
        for (String treatment : treatments.values()) on += on(treatment);
        return on;
    }

    private static int on(SplitResult result) {
        return result.treatment().equals("on") && result.config() != null ? 1 : 0;
    }

    private static SplitClient started(String url, String mode) throws Exception {
        SplitClientConfig.Builder config = SplitClientConfig.builder()
                .endpoint(url, url)
                .authServiceURL(url + "/api/v2/auth")
                .telemetryURL(url + "/api/v1")
                .streamingEnabled(mode.equals("streaming"))
                .streamingServiceURL(url + "/sse")
                .connectionTimeout(120_000)
                .readTimeout(120_000)
                .setBlockUntilReadyTimeout(300_000)
                .impressionsMode(mode.equals("none") ? ImpressionsManager.Mode.NONE : ImpressionsManager.Mode.OPTIMIZED);
        if (mode.equals("listener")) {
            config.integrations(io.split.integrations.IntegrationsConfig.builder()
                    .impressionsListener(new ImpressionListener() {
                        private int heard;

                        @Override
                        public void log(Impression impression) {
                            heard++;
                        }

                        @Override
                        public void close() {}
                    }, 10_000)
                    .build());
        }
        SplitClient client = SplitFactoryBuilder.build("bench-key", config.build()).client();
        client.blockUntilReady();
        return client;
    }

    private static Map<String, Call> scenarios(SplitClient client) {
        Map<String, Call> calls = new HashMap<>();
        for (String flag : new String[] {"5050", "whitelist", "segment", "probe", "member"}) {
            calls.put(flag, key -> on(client.getTreatment(key, flag)));
        }
        calls.put("attr", key -> on(client.getTreatment(key, "attr", TWO)));
        calls.put("kept", key -> on(client.getTreatment(key, "four", FOUR)));
        calls.put("fresh", key -> on(client.getTreatment(key, "four", four())));
        calls.put("config", key -> on(client.getTreatmentWithConfig(key, "configured")));
        calls.put("twenty", key -> on(client.getTreatments(key, TEAM, Collections.emptyMap())));
        calls.put("set", key -> on(client.getTreatmentsByFlagSet(key, "team", Collections.emptyMap())));
        return calls;
    }

    private static final class Part extends Thread {
        private final Call call;
        private final List<String> keys;
        private final int calls;
        private final CountDownLatch start;
        long used;
        int on;

        Part(Call call, List<String> keys, int calls, CountDownLatch start) {
            this.call = call;
            this.keys = keys;
            this.calls = calls;
            this.start = start;
        }

        @Override
        public void run() {
            try {
                start.await();
            } catch (InterruptedException impossible) {
                throw new IllegalStateException(impossible);
            }
            long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            int sum = 0;
            for (int i = 0, key = 0; i < calls; i++) {
                sum += call.on(keys.get(key));
                if (++key == keys.size()) key = 0;
            }
            used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before;
            on = sum;
        }
    }

    private static String answer(Map<String, Call> scenarios, String scenario, int threads, int calls) throws Exception {
        boolean isUnique = scenario.equals("unique");
        boolean isHundred = scenario.equals("hundred");
        Call call = scenarios.get(isUnique || isHundred ? "5050" : scenario);
        if (call == null) return "-";
        CountDownLatch start = new CountDownLatch(1);
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            List<String> keys = isHundred ? KEYS.subList(0, 100) : KEYS;
            if (isUnique) {
                keys = named("new-%016d", unique, calls);
                unique += calls;
            }
            Part part = new Part(call, keys, calls, start);
            part.start();
            parts.add(part);
        }
        long begun = System.nanoTime();
        start.countDown();
        long used = 0;
        long on = 0;
        for (Part part : parts) {
            part.join();
            used += part.used;
            on += part.on;
        }
        long took = System.nanoTime() - begun;
        double all = (double) calls * threads;
        return String.format(Locale.ROOT, "%.1f %.1f %d -", used / all, took / all, on);
    }

    /** By the clock on the wall, in nanoseconds, when the answer is another one. */
    private static long timeOfAChange(Call probe) {
        int before = probe.on(KEYS.get(0));
        System.out.println("waiting");
        while (probe.on(KEYS.get(0)) == before) Thread.onSpinWait();
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    public static void main(String[] arguments) throws Exception {
        long begun = System.nanoTime();
        SplitClient client = started(arguments[0], arguments[1]);
        System.out.printf(Locale.ROOT, "ready %.3f%n", (System.nanoTime() - begun) / 1e6);
        Map<String, Call> scenarios = scenarios(client);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            if (words[0].equals("await")) {
                System.out.println(timeOfAChange(scenarios.get("probe")));
                continue;
            }
            System.out.println(answer(scenarios, words[0], Integer.parseInt(words[1]), Integer.parseInt(words[2])));
        }
        Runtime.getRuntime().halt(0); // nothing is left to be sent
    }
}
