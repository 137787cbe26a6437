import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** A WebSocket over SSL 3.0, which the JDK still speaks when its list of disabled algorithms is emptied. usage: KEYSTORE PASSWORD PORT */
class Ssl3 {
    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new java.io.FileInputStream(arguments[0]), arguments[1].toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, arguments[1].toCharArray());
        SSLContext context = SSLContext.getInstance("SSLv3");
        context.init(keys.getKeyManagers(), new TrustManager[] {new Anyone()}, null);
        int port = Integer.parseInt(arguments[2]);
        SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 1, InetAddress.getLoopbackAddress());
        listener.setEnabledProtocols(new String[] {"SSLv3"});
        Thread server = new Thread(() -> serve(listener));
        server.start();
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
        socket.setEnabledProtocols(new String[] {"SSLv3"});
        socket.startHandshake();
        System.out.println(socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite());
        OutputStream out = socket.getOutputStream();
        out.write(("GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Sec-WebSocket-Version: 13\r\n\r\n").getBytes());
        head(socket.getInputStream());
        out.write(new byte[] {(byte) 0x81, (byte) 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1});
        socket.getInputStream().readNBytes(7);
        socket.close();
        server.join();
    }

    static void serve(SSLServerSocket listener) {
        try (SSLSocket socket = (SSLSocket) listener.accept()) {
            String key = head(socket.getInputStream()).replaceAll("(?s).*Sec-WebSocket-Key: (\\S+).*", "$1");
            byte[] digest = MessageDigest.getInstance("SHA-1").digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes());
            OutputStream out = socket.getOutputStream();
            out.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Base64.getEncoder().encodeToString(digest) + "\r\n\r\n").getBytes());
            socket.getInputStream().readNBytes(11);
            out.write(new byte[] {(byte) 0x81, 5, 'h', 'e', 'l', 'l', 'o'});
            socket.getInputStream().read();
        } catch (Exception error) {
            System.out.println("server: " + error);
        }
    }

    static String head(InputStream in) throws Exception {
        StringBuilder got = new StringBuilder();
        while (got.indexOf("\r\n\r\n") < 0) got.append((char) in.read());
        return got.toString();
    }

    static class Anyone implements X509TrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
