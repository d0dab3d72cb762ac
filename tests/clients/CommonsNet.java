// Transfers and all else that Apache commons-net can do: CommonsNet.java HOST PORT MODE CA   (MODE: plain, explicit or
// implicit; CA is left out of account by plain)
//
// It never resumes a TLS session. Prints what was sent and answered, and ends with status 0 if every step did what it
// should.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.PrintCommandListener;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;

public class CommonsNet {
    private final FTPClient ftp;

    private CommonsNet(FTPClient ftp) {
        this.ftp = ftp;
    }

    public static void main(String[] arguments) throws Exception {
        String mode = arguments[2];
        FTPClient ftp = mode.equals("plain") ? new FTPClient() : encrypted(mode.equals("implicit"), arguments[3]);
        ftp.addProtocolCommandListener(new PrintCommandListener(new PrintWriter(System.out, true), true));
        ftp.setDefaultTimeout(30_000);
        ftp.setConnectTimeout(30_000);
        ftp.setDataTimeout(Duration.ofSeconds(30));
        ftp.setControlEncoding("UTF-8");
        CommonsNet client = new CommonsNet(ftp);
        ftp.connect(arguments[0], Integer.parseInt(arguments[1]));
        client.demand(FTPReply.isPositiveCompletion(ftp.getReplyCode()), "greeting");
        client.demand(ftp.login("demo", "demo"), "login");
        if (ftp instanceof FTPSClient) {
            ((FTPSClient) ftp).execPBSZ(0);
            ((FTPSClient) ftp).execPROT("P");
        }
        // `TYPE A N`, `TYPE L 8`, and `TYPE I I`, which nothing defines and many programs send.
        client.demand(ftp.setFileType(FTP.ASCII_FILE_TYPE, FTP.NON_PRINT_TEXT_FORMAT), "type");
        client.demand(ftp.setFileType(FTP.LOCAL_FILE_TYPE, 8), "type");
        client.demand(ftp.setFileType(FTP.ASCII_FILE_TYPE), "type");
        client.demand(ftp.setFileType(FTP.BINARY_FILE_TYPE, FTP.BINARY_FILE_TYPE), "type");
        ftp.enterLocalPassiveMode();
        client.everything("passive");
        ftp.setUseEPSVwithIPv4(true);
        client.everything("extended");
        ftp.enterLocalActiveMode();
        client.everything("active");
        client.demand(ftp.logout(), "logout");
        ftp.disconnect();
    }

    private static FTPSClient encrypted(boolean implicit, String ca) throws Exception {
        KeyStore authorities = KeyStore.getInstance(KeyStore.getDefaultType());
        authorities.load(null);
        try (InputStream file = Files.newInputStream(Path.of(ca))) {
            authorities.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        // Of itself it looks at nothing but the dates.
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(authorities);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        FTPSClient ftp = new FTPSClient(implicit, context);
        ftp.setEndpointCheckingEnabled(true);
        return ftp;
    }

    private void everything(String folder) throws IOException {
        byte[] content = new byte[700_000];
        new Random(folder.hashCode()).nextBytes(content);
        demand(ftp.makeDirectory(folder), "mkdir");
        demand(ftp.changeWorkingDirectory(folder), "cwd");
        demand(ftp.printWorkingDirectory().equals("/" + folder), "pwd");

        for (String name : new String[] {"one", "two words", "déjà vu"}) {
            demand(ftp.storeFile(name, new ByteArrayInputStream(content)), "upload");
        }
        demand(Arrays.equals(download("two words"), content), "downloaded content");
        demand(ftp.storeFile("empty", new ByteArrayInputStream(new byte[0])), "upload of nothing");
        demand(download("empty").length == 0, "download of nothing");

        ftp.setRestartOffset(123_456);
        byte[] rest = Arrays.copyOfRange(content, 123_456, content.length);
        demand(Arrays.equals(download("one"), rest), "resumed download");
        byte[] changed = content.clone();
        Arrays.fill(changed, 600_000, changed.length, (byte) 7);
        ftp.setRestartOffset(600_000);
        demand(ftp.storeFile("one", new ByteArrayInputStream(changed, 600_000, 100_000)), "resumed upload");
        demand(Arrays.equals(download("one"), changed), "content of the resumed upload");

        demand(ftp.storeFile("log", new ByteArrayInputStream(content, 0, 1000)), "upload");
        demand(ftp.appendFile("log", new ByteArrayInputStream(content, 1000, 2000)), "append");
        demand(Arrays.equals(download("log"), Arrays.copyOf(content, 3000)), "appended content");
        demand(ftp.getSize("log").equals("3000"), "size");

        demand(ftp.setModificationTime("log", "20200203040506"), "set the time");
        demand(ftp.getModificationTime("log").equals("20200203040506"), "get the time");
        demand(ftp.mdtmInstant("log").toString().equals("2020-02-03T04:05:06Z"), "time");

        demand(ftp.makeDirectory("inner"), "mkdir");
        demand(!ftp.makeDirectory("inner"), "mkdir of what is there");
        String expected = "[déjà vu 700000, empty 0, inner/, log 3000, one 700000, two words 700000]";
        demand(shown(ftp.listFiles()).equals(expected), "list: " + shown(ftp.listFiles()));
        demand(shown(ftp.mlistDir()).equals(expected), "mlsd: " + shown(ftp.mlistDir()));
        demand(ftp.listFiles("inner").length == 0, "list of an empty directory");
        demand(ftp.mlistDir("inner").length == 0, "mlsd of an empty directory");
        FTPFile log = ftp.mlistFile("log");
        demand(log.isFile() && log.getSize() == 3000, "mlst");
        demand(log.getTimestampInstant().toString().equals("2020-02-03T04:05:06Z"), "time by mlst");

        demand(ftp.rename("one", "inner/renamed"), "rename");
        demand(Arrays.equals(download("inner/renamed"), changed), "renamed content");
        demand(!ftp.removeDirectory("inner"), "rmdir of what is not empty");
        demand(ftp.deleteFile("inner/renamed"), "delete");
        demand(!ftp.deleteFile("inner/renamed"), "delete of what is gone");
        demand(ftp.removeDirectory("inner"), "rmdir");
        for (String name : new String[] {"déjà vu", "two words", "empty"}) {
            demand(ftp.deleteFile(name), "delete");
        }
        demand(Arrays.equals(ftp.listNames(), new String[] {"log"}), "nlst");
        demand(ftp.changeToParentDirectory(), "cdup");
    }

    private byte[] download(String name) throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        demand(ftp.retrieveFile(name, content), "download");
        return content.toByteArray();
    }

    private static String shown(FTPFile[] files) {
        Stream<String> names = Arrays.stream(files)
                .map(file -> file.getName() + (file.isDirectory() ? "/" : " " + file.getSize()));
        return Arrays.toString(names.sorted().toArray());
    }

    private void demand(boolean right, String step) {
        if (!right) {
            throw new AssertionError(step + "; the last reply was " + ftp.getReplyString());
        }
    }
}
