import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** The JDK's own client: connects N times, one after the other, and prints how each ended. usage: URI N */
class WatchClient {
    public static void main(String[] arguments) {
        for (int n = 0; n < Integer.parseInt(arguments[1]); n++) {
            CompletableFuture<String> end = new CompletableFuture<>();
            try {
                WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(URI.create(arguments[0]), listener(end)).join();
                socket.sendText("hello", true).join();
                System.out.println(end.get(4, TimeUnit.SECONDS));
            } catch (Exception error) {
                System.out.println("failed: " + error);
            }
        }
        System.exit(0);
    }

    static WebSocket.Listener listener(CompletableFuture<String> end) {
        return new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
                end.complete("ended with " + code + " " + reason);
                return null;
            }

            @Override
            public void onError(WebSocket socket, Throwable error) {
                end.complete("error: " + error);
            }
        };
    }
}
