//! Hosts of services that everybody embeds, and of what pages load from elsewhere.

/// Hosts whose pages are made to be embedded, with all below them: the providers of oEmbed's
/// registry that editors offer, and maps. What is framed from there runs in their origin and not in
/// the site's.
#[rustfmt::skip]
pub(super) const PROVIDERS: &[&str] = &[
    "youtube.com", "youtube-nocookie.com", "youtu.be", "vimeo.com", "dailymotion.com", "twitch.tv", "wistia.com", "wistia.net", "loom.com", "vidyard.com",
    "brightcove.net", "jwplayer.com", "kaltura.com", "rumble.com", "bilibili.com", "niconico.jp", "rutube.ru", "ted.com", "peertube.tv", "media.ccc.de",
    "spotify.com", "soundcloud.com", "deezer.com", "bandcamp.com", "mixcloud.com", "music.apple.com", "podcasts.apple.com", "tidal.com", "anchor.fm", "podigee.io",
    "buzzsprout.com", "libsyn.com", "simplecast.com", "audioboom.com", "acast.com", "www.google.com", "maps.google.com", "docs.google.com", "drive.google.com",
    "calendar.google.com", "datastudio.google.com", "lookerstudio.google.com", "openstreetmap.org", "umap.openstreetmap.fr", "bing.com", "mapbox.com", "arcgis.com",
    "komoot.com", "komoot.de", "outdooractive.com", "matterport.com", "sketchfab.com", "platform.twitter.com", "twitter.com", "x.com", "facebook.com", "instagram.com",
    "tiktok.com", "linkedin.com", "pinterest.com", "reddit.com", "redditmedia.com", "tumblr.com", "mastodon.social", "bsky.app", "codepen.io", "jsfiddle.net", "codesandbox.io",
    "stackblitz.com", "replit.com", "observablehq.com", "figma.com", "miro.com", "canva.com", "prezi.com", "slideshare.net", "speakerdeck.com", "slides.com", "issuu.com",
    "scribd.com", "genial.ly", "genially.com", "padlet.com", "airtable.com", "typeform.com", "calendly.com", "jotform.com", "surveymonkey.com", "office.com",
    "sharepoint.com", "microsoftstream.com", "powerbi.com", "tableau.com", "flourish.studio", "datawrapper.de", "dwcdn.net", "ourworldindata.org", "statista.com", "infogram.com",
    "geogebra.org", "desmos.com", "scratch.mit.edu", "learningapps.org", "h5p.org", "h5p.com", "quizlet.com", "kahoot.it", "giphy.com", "imgur.com", "flickr.com",
    "gfycat.com", "tenor.com", "archive.org", "arte.tv", "wikimedia.org", "wikipedia.org", "eventbrite.com", "meetup.com",
];

/// Scripts that those services have pasted beside their posts, as they write them in their own
/// instructions.
#[rustfmt::skip]
pub(super) const WIDGETS: &[&str] = &[
    "platform.twitter.com/widgets.js", "platform.x.com/widgets.js", "www.instagram.com/embed.js", "www.tiktok.com/embed.js", "embed.typeform.com/next/embed.js",
    "static.codepen.io/assets/embed/ei.js", "cpwebassets.codepen.io/assets/embed/ei.js", "assets.pinterest.com/js/pinit.js", "player.vimeo.com/api/player.js",
    "embed.reddit.com/widgets.js", "embed.redditmedia.com/widgets/platform.js", "www.youtube.com/iframe_api", "assets.calendly.com/assets/external/widget.js",
    "www.flickr.com/assets/embedr/client-code.js", "embedr.flickr.com/assets/client-code.js", "fast.wistia.com/assets/external/E-v1.js", "embed.bsky.app/static/embed.js",
    "s.imgur.com/min/embed.js", "public.flourish.studio/resources/embed.js", "www.threads.net/embed.js",
];

/// Hosts of nothing but typefaces and their sheets of styles, which mails and pages load, besides
/// those that are called so (`fonts.googleapis.com`).
pub(super) const FONTS: &[&str] = &[
    "use.typekit.net",
    "p.typekit.net",
    "fast.fonts.net",
    "rsms.me",
    "use.fontawesome.com",
    "kit.fontawesome.com",
];

/// Hosts of what everybody's pages load: their sheets of styles show no page to anybody.
pub(super) const STYLES: &[&str] = &[
    "cdn.jsdelivr.net",
    "cdnjs.cloudflare.com",
    "unpkg.com",
    "maxcdn.bootstrapcdn.com",
    "stackpath.bootstrapcdn.com",
    "netdna.bootstrapcdn.com",
    "code.jquery.com",
    "ajax.googleapis.com",
    "cdn.tailwindcss.com",
    "cdn.quilljs.com",
    "cdn.ckeditor.com",
    "cdn-images.mailchimp.com",
    "fonts.googleapis.com",
    "assets.calendly.com",
];
