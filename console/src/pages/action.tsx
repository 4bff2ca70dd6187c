export default function P(){return <h1>action</h1>}
