// Unpacks the Chromium of the npm package into TMPDIR: the package takes no other folder, hence a process of its own.
import chromium from '@sparticuz/chromium';

await chromium.executablePath();
